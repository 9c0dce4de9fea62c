"""Log lines: machine-readable, and never a secret, wherever it hides."""

import ast
import io
import json
import re
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from agents.runtime.errors import PermanentError, TemporaryError
from agents.runtime.logs import REDACTED, Redactor, configure_logs, get_logger
from agents.runtime.process import print_answer, run_agent

AGENTS = Path(__file__).resolve().parents[3] / "agents"
SECRET = "hunter2-and-more"  # noqa: S105 - the bait of these tests


@pytest.fixture
def log_lines(clock):
    stream = io.StringIO()
    configure_logs(stream=stream, clock=clock, redactor=Redactor([SECRET]))
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    structlog.reset_defaults()


def test_log_line_is_one_json_object_with_utc_time_and_event(log_lines) -> None:
    get_logger("migrate").info("migrate.step.applied", attempts=2)

    assert log_lines() == [
        {
            "ts": "2026-03-01T12:00:00.000Z",
            "level": "info",
            "agent": "migrate",
            "event": "migrate.step.applied",
            "attempts": 2,
        }
    ]


@pytest.mark.parametrize(
    "value",
    [
        SECRET,
        f"postgres://u:{SECRET}@h",
        [SECRET],
        {"k": {SECRET: 1}},
        (1, SECRET),
        ValueError(SECRET),
        {SECRET},
        b"x" + SECRET.encode(),
    ],
    ids=["text", "inside text", "list", "nested key", "tuple", "exception", "set", "bytes"],
)
def test_known_secret_is_replaced_wherever_it_hides(log_lines, value: object) -> None:
    get_logger("migrate").info("migrate.step.applied", value=value)

    line = json.dumps(log_lines())
    assert SECRET not in line
    assert REDACTED in line


def test_secret_in_a_traceback_is_replaced(log_lines) -> None:
    try:
        int(SECRET)
    except ValueError:
        get_logger("migrate").exception("migrate.run.crashed")

    line = log_lines()[0]
    assert "Traceback" in line["exception"]
    assert SECRET not in json.dumps(line)


@given(secrets=st.lists(st.text(min_size=4, max_size=12), min_size=1, max_size=4), around=st.text(max_size=5))
def test_no_secret_survives_redaction(secrets: list[str], around: str) -> None:
    redactor = Redactor(secrets)

    for secret in secrets:
        cleaned = redactor.redact_text(f"{around}{secret}{around}")
        # The replacement itself may spell a secret such as "acte"; nothing else may.
        assert secret not in cleaned.replace(REDACTED, "")


def test_secret_inside_a_longer_secret_leaves_no_rest() -> None:
    assert Redactor(["abcd", "abcdefgh"]).redact_text("abcdefgh") == REDACTED


def test_short_word_is_not_taken_for_a_secret() -> None:
    assert Redactor(["on"]).redact_text("connection") == "connection"


@pytest.mark.parametrize(
    ("error", "code", "event"),
    [
        (PermanentError("edited"), 70, "migrate.run.failed"),
        (TemporaryError("busy"), 75, "migrate.run.failed"),
        (ZeroDivisionError("defect"), 70, "migrate.run.crashed"),
    ],
)
def test_agent_ends_with_the_exit_code_of_its_error(capsys, error: Exception, code: int, event: str) -> None:
    with pytest.raises(Exception) as caught, run_agent("migrate", Redactor()):  # noqa: PT011 - judged below
        raise error

    line = json.loads(capsys.readouterr().err)
    assert getattr(caught.value, "exit_code", None) == code
    assert (line["event"], line["exit_code"]) == (event, code)
    structlog.reset_defaults()


def test_answer_goes_to_stdout_as_json_or_as_lines(capsys) -> None:
    print_answer({"b": 1, "a": 2}, ["one", "two"], as_json=True)
    print_answer({"b": 1}, ["one", "two"], as_json=False)

    assert capsys.readouterr().out == '{\n  "a": 2,\n  "b": 1\n}\none\ntwo\n'


def test_every_event_is_named_agent_verb_outcome() -> None:
    calls = [
        node
        for path in AGENTS.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args
    ]
    found = [
        str(call.args[0].value)
        for call in calls
        if call.func.attr in {"info", "warning", "error", "exception"} and isinstance(call.args[0], ast.Constant)
    ]

    assert len(found) >= 10
    assert [
        event
        for event in found
        if not re.fullmatch(r"(backup|flags|health|migrate|oncall|release|runtime)\.[a-z]+\.[a-z_]+", event)
    ] == []
