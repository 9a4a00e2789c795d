"""Files, environment and command line to one configuration, and what is said of mistakes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamsel.config.load import load
from streamsel.errors import ConfigurationError
from tests.config.files import ONE_FEED, loaded, problems, written


def test_command_line_over_environment_over_file(tmp_path: Path) -> None:
    text = """
        defaults: {count: 1, window: 1h, fps: 1}
        feeds: {gate: {source: rtsp://h/1}}
        """
    environment = {"STREAMSEL_DEFAULTS__COUNT": "2", "STREAMSEL_DEFAULTS__WINDOW": "2h"}
    feed = loaded(tmp_path, text, environment, {"defaults": {"count": 3}}).feed("gate")
    assert (feed.count, feed.window, feed.fps) == (3, 7200.0, 1.0)


@pytest.mark.parametrize("layer", ["environment", "command line"])
def test_a_higher_layers_choice_replaces_the_other_of_its_pair(tmp_path: Path, layer: str) -> None:
    text = """
        defaults: {share: 20%}
        feeds: {gate: {source: rtsp://h/1}}
        sinks: {mqtt: {host: h, username: u, password: p}}
        service: {token: t}
        """
    above = {
        "defaults": {"count": "5"},
        "sinks": {"mqtt": {"password_file": "/p"}},
        "service": {"token_file": "/t"},
    }
    variables = {
        "STREAMSEL_DEFAULTS__COUNT": "5",
        "STREAMSEL_SINKS__MQTT__PASSWORD_FILE": "/p",
        "STREAMSEL_SERVICE__TOKEN_FILE": "/t",
    }
    is_environment = layer == "environment"
    config = loaded(
        tmp_path, text, variables if is_environment else {}, None if is_environment else above
    )
    assert config.feed("gate").count == 5
    assert config.sinks.mqtt is not None
    assert (config.sinks.mqtt.password, config.sinks.mqtt.password_file) == (None, Path("/p"))
    assert config.service is not None
    assert (config.service.token, config.service.token_file) == (None, Path("/t"))


def test_both_of_a_pair_in_one_layer_are_told(tmp_path: Path) -> None:
    text = "feeds: {gate: {source: rtsp://h/1}}\ndefaults: {count: 5}"
    above = {"defaults": {"count": 5, "share": 0.2}}
    (told,) = problems(tmp_path, text, {}, above)
    assert told.endswith("defaults: give either count or share, not both")


def test_feeds_that_are_named_like_a_pair_are_two_feeds(tmp_path: Path) -> None:
    text = "feeds: {count: {source: rtsp://h/1}, share: {source: rtsp://h/2}}"
    config = loaded(tmp_path, text, {"STREAMSEL_FEEDS__COUNT__FPS": "5"})
    assert list(config.feeds) == ["count", "share"]


def test_no_file_is_needed() -> None:
    config = load(None, {"STREAMSEL_DEFAULTS__COUNT": "9"}, ONE_FEED)
    assert config.feed("gate").count == 9
    assert config.sinks.disk is not None
    assert config.sinks.disk.path == Path.cwd() / "kept"


def test_without_anything_it_says_what_is_missing() -> None:
    with pytest.raises(ConfigurationError, match=r"^configuration: feeds is missing"):
        load(None, {})


def test_relative_paths_begin_at_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/edge")
    config = loaded(
        tmp_path,
        """
        defaults: {weights: nets/w.safetensors, tls_ca_file: ~/ca.pem}
        feeds: {gate: {source: rtsp://h/1, tls_ca_file: /etc/ca.pem}}
        """,
    )
    assert config.defaults.weights == tmp_path / "nets/w.safetensors"
    assert config.defaults.tls_ca_file == Path("/home/edge/ca.pem")
    assert config.feed("gate").tls_ca_file == Path("/etc/ca.pem")
    assert config.sinks.disk is not None
    assert config.sinks.disk.path == tmp_path / "kept"


def test_a_relative_file_gives_absolute_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, "feeds: {gate: {source: rtsp://h/1}}")
    config = load(Path("streamsel.yaml"), {})
    assert config.sinks.disk is not None
    assert config.sinks.disk.path == tmp_path / "kept"


def test_values_are_text_until_their_key_reads_them(tmp_path: Path) -> None:
    config = loaded(
        tmp_path,
        """
        feeds:
          no: {source: 0, enabled: no, count: 0010, window: 01:30}
          1: {source: "null"}
        sinks: {mqtt: {host: broker, username: 007, password: 0123}}
        """,
    )
    feed = config.feed("no")
    assert (feed.source, feed.enabled, feed.count, feed.window) == ("0", False, 10, 90.0)
    assert config.feed("1").source == "null"
    assert config.sinks.mqtt is not None
    assert config.sinks.mqtt.username == "007"
    assert config.sinks.mqtt.password is not None
    assert config.sinks.mqtt.password.get_secret_value() == "0123"


def test_a_key_without_a_value_says_nothing_and_null_switches_off(tmp_path: Path) -> None:
    text = "feeds: {gate: {source: rtsp://h/1}}\ndefaults:\nservice:%s\nsinks:\n  disk:%s\n"
    blank = loaded(tmp_path, text % ("", ""))
    assert blank.service is not None
    assert blank.sinks.disk is not None
    off = loaded(tmp_path, text % (" null", " ~"))
    assert off.service is None
    assert off.sinks.disk is None


def test_anchors_and_merges(tmp_path: Path) -> None:
    config = loaded(
        tmp_path,
        """
        feeds:
          a: &camera {source: rtsp://h/1, fps: 5, count: 7}
          b:
            <<: *camera
            source: rtsp://h/2
          c: {<<: [*camera, {transport: udp, fps: 9}], source: rtsp://h/3}
        """,
    )
    assert (config.feed("b").fps, config.feed("b").source) == (5.0, "rtsp://h/2")
    assert (config.feed("c").fps, config.feed("c").transport) == (5.0, "udp")


def test_every_problem_at_once_each_with_its_line(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """\
        log_level: loud
        defaults:
          windw: 24h
          window: 25x
        feeds:
          gate:
            source: rtsp://h/1
            count: 0
          yard: {}
          yard: {source: x}
          porch: {source: "rtsp://${NOBODY}/1"}
        listen: 0.0.0.0:1
        sinks: {mqtt: on}
        """,
        {"STREAMSEL_PICTURES__QUALITY": "101"},
        {"pictures": {"format": "gif"}},
    )
    assert found == [
        "STREAMSEL_PICTURES__QUALITY: pictures.quality is 101; "
        "it must be a whole number from 1 to 100",
        "command line: pictures.format is gif; it must be 'jpg', 'png', 'webp' or 'avif'",
        "streamsel.yaml:1: log_level is loud; it must be 'debug', 'info', 'warning' or 'error'",
        "streamsel.yaml:3: defaults.windw is not a setting; did you mean 'window'?",
        "streamsel.yaml:4: defaults.window is 25x; "
        "write seconds (90), units (1h30m) or a clock (00:01:30)",
        "streamsel.yaml:8: feeds.gate.count is 0; it must be a whole number of frames, "
        "at least 1 and at most 100,000",
        "streamsel.yaml:9: feeds.yard.source is missing; "
        "give it: URL (rtsp, rtsps, http, https, whep+https, snapshot+http, ...) or device of the "
        "feed; file:clip.mp4?pace=1: a file; whip: waits for a WebRTC sender",
        "streamsel.yaml:10: has 'yard' again, after line 9; keep one",
        "streamsel.yaml:11: environment variable NOBODY is not set; "
        "set it, or write ${NOBODY:-default}",
        "streamsel.yaml:12: listen is not a setting; did you mean service.listen?",
        "streamsel.yaml:13: sinks.mqtt: must hold keys: host, tls, port, username, password, "
        "password_file, prefix, client_id, discovery, max_bytes, durability, message_expiry",
    ]


def test_problems_between_feeds_have_their_lines(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """\
        defaults: {count: 500}
        feeds:
          east: {source: rtsp://h/1, group: yard}
          west:
            source: rtsp://h/2
            group: yard
            count: 300
        """,
    )
    assert found == [
        "streamsel.yaml:7: feeds.west.count is 300, but 500 in feeds.east; "
        "feeds of one group (yard) must agree"
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "streamsel.yaml: feeds is missing"),
        ("# only a comment", "streamsel.yaml: feeds is missing"),
        ("feeds:", "streamsel.yaml:1: feeds is missing"),
        ("feeds: {}", "streamsel.yaml:1: feeds is empty; name at least one feed"),
        ("feeds: []", "streamsel.yaml:1: feeds is a list or a mapping; it must hold keys"),
        ("feeds: gate", "streamsel.yaml:1: feeds is gate; it must hold keys"),
        ("feeds: {gate: x}", "streamsel.yaml:1: feeds.gate: must hold keys: "),
        ("defaults: null\n", "streamsel.yaml:1: defaults: must hold keys"),
        ("- a\n- b", "streamsel.yaml:1: must hold keys, like feeds:"),
        ("just text", "streamsel.yaml:1: must hold keys, like feeds:"),
        ("feeds: {a: {source: x}}\n---\nfeeds: {}", "streamsel.yaml:2: begins a second document"),
        ("feeds:\n  a: {source: x", "is not valid YAML"),
        ("feeds:\n\ta: 1", "streamsel.yaml:2: is not valid YAML"),
        ("feeds: a: b", "streamsel.yaml:1: is not valid YAML"),
        ("feeds: !!python/object:os.system {}", "streamsel.yaml:1: has a YAML tag"),
        ("feeds: {a: {source: !!python/name:os.system x}}", "streamsel.yaml:1: has a YAML tag"),
        ("feeds: {a: {source: !env x}}", "streamsel.yaml:1: has a YAML tag"),
        ("? {a: b}\n: c", "streamsel.yaml:1: has a key that is not plain text"),
        ("? [a]\n: c", "streamsel.yaml:1: has a key that is not plain text"),
        ("feeds: {a: {source: *cam}}", "streamsel.yaml:1: refers to an unknown anchor"),
        ("feeds: &f {a: *f}", "streamsel.yaml:1: refers to an unknown anchor"),
        ("feeds:\n  a:\n    <<: x", "streamsel.yaml:3: merges (<<) a value without keys"),
        ("a: " + "[" * 17, "streamsel.yaml:1: is nested too deeply"),
        ("a:\n  " + "[" * 5000, "streamsel.yaml:2: is nested too deeply"),
        ("feeds: {a: {source: '${a b}'}}", "streamsel.yaml:1: holds ${ without a name and }"),
        ("feeds: {a: {source: 'a\x07b'}}", "streamsel.yaml:1: contains a control character"),
        ("feeds: {a: {source: x, 'we\\ird': 1}}", "feeds.a.we\\ird is not a setting; known here: "),
    ],
)  # fmt: skip
def test_files_that_cannot_be_understood(tmp_path: Path, text: str, said: str) -> None:
    found = problems(tmp_path, text)
    assert any(said in line for line in found), found
    assert all(len(line) < 1000 for line in found)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    file = tmp_path / "streamsel.yaml"
    with pytest.raises(ConfigurationError, match=r"cannot be read \(No such file"):
        load(file, {})
    with pytest.raises(ConfigurationError, match=r"cannot be read \(Is a directory"):
        load(tmp_path, {})
    file.write_bytes(b"feeds:\n  a: \xff")
    with pytest.raises(ConfigurationError, match=r"yaml:2: is not UTF-8"):
        load(file, {})
    file.write_text("#" * (1 << 20))
    with pytest.raises(ConfigurationError, match="is missing"):
        load(file, {})
    file.write_text("#" * ((1 << 20) + 1))
    with pytest.raises(ConfigurationError, match="is larger than 1 MiB"):
        load(file, {})


def test_an_endless_file_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="is larger than 1 MiB"):
        load(Path("/dev/zero"), {})


def test_aliases_of_aliases_cost_nothing(tmp_path: Path) -> None:
    bomb = ["a0: &a0 {x: y}"]
    for level in range(1, 14):
        inner = ", ".join(f"k{copy}: *a{level - 1}" for copy in range(9))
        bomb.append(f"a{level}: &a{level} {{{inner}}}")
    assert "holds more than 100,000 values" in problems(tmp_path, "\n".join(bomb))[0]


def test_merges_of_merges_cost_nothing(tmp_path: Path) -> None:
    keys = ", ".join(f"k{number}: v" for number in range(2000))
    bomb = [f"a: &a {{{keys}}}", *(f"b{number}: {{<<: *a}}" for number in range(200))]
    assert "merges (<<) too much" in problems(tmp_path, "\n".join(bomb))[0]


def test_windows_files(tmp_path: Path) -> None:
    file = tmp_path / "streamsel.yaml"
    file.write_bytes(b"\xef\xbb\xbffeeds:\r\n  gate: {source: rtsp://h/1}\r\n")
    assert load(file, {}).feed("gate").source == "rtsp://h/1"


SECRET = "hunter2"


@pytest.mark.parametrize(
    "text",
    [
        "feeds: {gate: {source: 'rtsp://cam:hunter2@h/1', count: 0}}",
        "feeds: {gate: {source: 'rtsp://cam:hunter2/x@h/1'}}",
        "feeds: {gate: {source: 'rtsp://cam:hunter2@'}}",
        "feeds: {gate: {source: 'rtsp://cam:hunter2 x@h/1'}}",
        "feeds: {gate: {source: 'cam:hunter2@h/1'}}",
        "feeds: {gate: {source: '${S}', count: '${S}', fps: '${S}', transport: '${S}'}}",
        "feeds: {gate: {source: 'rtsp://cam:${S}/x@h/1', enabled: '${S}', clip: '${S}'}}",
        "feeds: {gate: {source: x, pasword: hunter2}}",
        "feeds: {gate: {source: x, group: '${S} ${S}', vf: \"a\\n${S}\"}}",
        "feeds: {gate: hunter2}",
        "feeds: {gate: {source: *hunter2}}",
        "feeds: {gate: {source: !hunter2 x}}",
        "feeds: {gate: {source: !hunter2!hunter2 x}}",
        "feeds: {gate: {source: 'hunter2",
        "feeds: {gate: {source: {hunter2: hunter2}}}",
        "feeds: {gate: {source: [hunter2]}}",
        "sinks: {mqtt: {password: hunter2}}",
        "sinks: {mqtt: {host: h, username: u, password: [hunter2]}}",
        "sinks: {mqtt: {host: h, username: u, password: {a: hunter2}}}",
        "sinks: {mqtt: {host: h, password: hunter2, password_file: x}}",
        "sinks: {mqtt: {host: h, password: hunter2, password: hunter2}}",
        "sinks: {mqtt: {host: h, password: *hunter2}}",
        "sinks: {mqtt: {host: h, password: @hunter2}}",
        "sinks: {mqtt: {host: h, password: a: hunter2}}",
        "sinks: {mqtt: {host: h, password: &hunter2 &hunter2 x}}",
        "sinks: {mqtt: hunter2}",
        "service: {listen: 0.0.0.0:1, tokn: hunter2}",
        "service: {token: hunter2, token_file: x}",
        "rtsp://cam:hunter2@h/1: x",
    ],
)
def test_no_message_holds_a_secret(tmp_path: Path, text: str) -> None:
    environment = {"S": SECRET, "STREAMSEL_SINKS__MQTT__PASSWORD": SECRET}
    for variables in ({"S": SECRET}, environment):
        told = "\n".join(problems(tmp_path, text, variables))
        if not (SECRET in text.partition(":")[0] or "{hunter2:" in text):
            assert SECRET not in told


def test_no_error_keeps_the_text_of_the_file_as_its_cause(tmp_path: Path) -> None:
    for text in ("feeds: {gate: {source: 'hunter2", "feeds: {gate: {source: 1, x: hunter2}}"):
        with pytest.raises(ConfigurationError) as refused:
            loaded(tmp_path, text)
        assert refused.value.__suppress_context__
        assert SECRET not in str(refused.value)


@settings(
    deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.one_of(
        st.binary(max_size=80),
        st.text("{}[]:,&*!|>'\"%@`-?# \n\tabfeedsource~<${}", max_size=80).map(str.encode),
        st.lists(st.sampled_from(["feeds:", " a:", "\n", " ", "{", "}", "source: x", "<<: ", "&a ",
                                  "*a", "count: 5", "- ", "? ", "null", "${A}", "'", ","]))
        .map("".join).map(str.encode),
    )
)  # fmt: skip
def test_whatever_is_in_the_file_is_accepted_or_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "any.yaml"
    file.write_bytes(content)
    try:
        config = load(file, {"A": "b"})
    except ConfigurationError as error:
        told = str(error)
        assert told
        assert all(line.startswith(os.fspath(file)) for line in told.splitlines()), told
    else:
        assert config.feeds
