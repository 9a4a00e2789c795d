"""What of the pages is not run, and why. What is neither run nor listed here fails."""

from __future__ import annotations

# Commands, by a regular expression that is found in them.
COMMANDS = {
    r"^docker |^kubectl .*(apply|namespace)": "needs an engine or a cluster; see tests/deploy",
    r"^sudo |systemctl |journalctl |/etc/streamsel": "changes the machine; see tests/deploy",
    r"^cd deploy$|^./secrets.sh|> .env": "writes into the repository; see tests/deploy",
    r"^pip |^make ": "what installs; .ci/run does it from nothing",
    r"(timm|open_clip):": "weights are downloaded; tests/embed/backbones has networks of its own",
    r"tests\.bench\.gpu_embedding": "needs a GPU",
    r"10\.0\.0\.2": "asks another machine; tests/http/test_guard.py has the token",
    r"-X DELETE .*/api/gone/": "a feed must be gone first; tests/end_to_end/test_gone.py",
    r"streamsel train .*(--resume|--overwrite)": "minutes; tests/cli/test_train.py continues one",
}

# Snippets of a page in a language, with the test that tries them.
ELSEWHERE = {
    ("docs/how-to/embedders.md", "python"): "tests/embed/backbones/test_how_to.py",
    ("docs/how-to/embedders.md", "toml"): "tests/embed/backbones/test_how_to.py",
    ("docs/how-to/plugins.md", "python"): "tests/end_to_end/test_watch_plugins.py",
    ("docs/how-to/plugins.md", "toml"): "tests/end_to_end/test_watch_plugins.py",
    ("docs/reference/mqtt.md", "json"): "tests/sinks/mqtt/test_reference.py",
    ("docs/reference/python.md", "pycon"): "streamsel/coreset/coreset.py",
}

# Languages that nobody types here: what is printed, a file that is shown, and queries, which
# tests/deploy asks of Prometheus.
SHOWN = {"text", "csv", "promql"}
