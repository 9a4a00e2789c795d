"""``streamsel completion``: shells complete what the command line takes."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from streamsel.cli.main import cli

# Asked for completions it is the command itself; otherwise it shows what the shell gives it.
PROGRAM = """\
#!{python}
import os, sys
from streamsel.cli.main import main
if "_STREAMSEL_COMPLETE" in os.environ:
    main()
with open("given", "w") as file:
    print(*sys.argv[1:], sep="\\n", file=file)
"""


def asked(shell: str, *words: str) -> Result:
    """What the command answers to a shell that completes the last of these words."""
    line = " ".join(words)
    asking = {
        "_STREAMSEL_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": words[-1] if shell == "fish" else str(len(words) - 1),
    }
    return CliRunner().invoke(cli, prog_name="streamsel", env=asking)


def typed_into_bash(keys: str, folder: Path) -> list[str]:
    """The arguments of the command after these keys were typed into an interactive bash."""
    program = folder / "bin" / "streamsel"
    program.parent.mkdir()
    program.write_text(PROGRAM.format(python=sys.executable))
    program.chmod(0o755)
    (folder / "complete.sh").write_text(CliRunner().invoke(cli, ["completion", "bash"]).output)
    (folder / "rc").write_text(f"PATH={program.parent}:$PATH\n. {folder / 'complete.sh'}\n")
    ours, theirs = pty.openpty()
    shell = subprocess.Popen(
        ["bash", "--noprofile", "--rcfile", folder / "rc", "-i"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=folder,
        start_new_session=True,
        env={**os.environ, "INPUTRC": os.devnull, "HISTFILE": "", "TERM": "dumb"},
    )
    os.close(theirs)
    os.write(ours, f"{keys}\nexit\n".encode())
    shown = b""
    while True:
        try:
            shown += os.read(ours, 4096)
        except OSError:  # the last who had the terminal open has left it
            break
    os.close(ours)
    shell.wait()
    assert (folder / "given").exists(), shown.decode()
    return (folder / "given").read_text().splitlines()


def test_bash_completes_commands_options_choices_and_files(tmp_path: Path) -> None:
    (tmp_path / "walk.mp4").touch()
    given = typed_into_bash("streamsel sel\twal\t--form\tpn\t--dry\t--embedder bui\t", tmp_path)
    assert given == [
        *("select", "walk.mp4", "--format", "png", "--dry-run", "--embedder", "builtin"),
    ]


@pytest.mark.parametrize(
    ("shell", "told"),
    [
        ("bash", "complete -o nosort -F _streamsel_completion streamsel"),
        ("zsh", "compdef _streamsel_completion streamsel"),
        ("fish", "complete --no-files --command streamsel"),
    ],
)
def test_each_shell_has_its_script(shell: str, told: str) -> None:
    named = CliRunner().invoke(cli, ["completion", shell])
    assert named.exit_code == 0
    assert told in named.output
    assert f"_STREAMSEL_COMPLETE={shell}_complete" in named.output
    found = CliRunner().invoke(cli, ["completion"], env={"SHELL": f"/usr/local/bin/{shell}"})
    assert found.output == named.output


def test_an_unknown_shell_is_refused() -> None:
    for arguments in (["completion"], ["completion", "tcsh"]):
        refused = CliRunner().invoke(cli, arguments, env={"SHELL": "/bin/tcsh"})
        assert refused.exit_code == 2
        for shell in ("bash", "zsh", "fish"):
            assert shell in refused.output


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_a_meaning_with_each_command(shell: str) -> None:
    told = asked(shell, "streamsel", "compa").output
    assert "Compare selection methods on your own video, as a table." in told
    assert told.startswith("plain")


@pytest.mark.parametrize(
    "words",
    [
        ("select", ""),
        ("select", "--from-file", ""),
        ("select", "--weights", ""),
        ("watch", "-c", ""),
        ("watch", "-o", ""),
        ("train", ""),
        ("export", "kept", "-o", ""),
        ("inspect", ""),
        ("config", "validate", ""),
    ],
)
def test_paths_are_left_to_the_shell(words: tuple[str, ...]) -> None:
    assert asked("bash", "streamsel", *words).output == "file,\n"


def test_commands_are_completed_without_importing_them() -> None:
    script = (
        "import sys; from streamsel.cli.main import main\n"
        "try: main()\n"
        "finally: print({'numpy', 'streamsel.cli.select'} & set(sys.modules), file=sys.stderr)"
    )
    asking = {"_STREAMSEL_COMPLETE": "bash_complete", "COMP_WORDS": "streamsel ", "COMP_CWORD": "1"}
    ended = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.argv[0] = 'streamsel'\n{script}"],
        env={**os.environ, **asking},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "plain,select\n" in ended.stdout
    assert ended.stderr == "set()\n"
