import json
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from agents.backup.command_line import app, choose_target
from agents.backup.engine import Lsn, ToImmediate, ToLatest, ToLsn, ToName, ToTime

MOMENT = datetime(2026, 11, 24, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((None, None, None, False, None), ToLatest()),
        ((MOMENT, None, None, False, 2), ToTime(MOMENT, 2)),
        ((None, Lsn(5), None, False, None), ToLsn(Lsn(5))),
        ((None, None, "here", False, None), ToName("here")),
        ((None, None, None, True, None), ToImmediate()),
    ],
)
def test_the_target_is_the_one_that_was_given(given, expected):
    to_time, to_lsn, to_name, immediate, timeline = given

    assert choose_target(to_time, to_lsn, to_name, immediate=immediate, timeline=timeline) == expected


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["restore", "--folder", "/x", "--to-time", "2026-11-24T15:00:00"], "no time zone"),
        (["restore", "--folder", "/x", "--to-time", "yesterday"], "is no time"),
        (["restore", "--folder", "/x", "--to-lsn", "7"], "is no LSN"),
        (["restore", "--folder", "/x", "--immediate", "--to-name", "a"], "give one target"),
        (["restore"], "either --folder or --in-place"),
        (["restore", "--folder", "/x", "--in-place"], "either --folder or --in-place"),
    ],
)
def test_a_wrong_command_line_is_told_before_anything_is_read(arguments, words):
    answer = CliRunner().invoke(app, arguments, terminal_width=200)

    assert answer.exit_code == 2
    assert words in " ".join(answer.output.replace("│", " ").split())


def test_missing_settings_end_with_70(monkeypatch):
    monkeypatch.delenv("CRYO_BACKUP_SETTINGS", raising=False)

    assert CliRunner().invoke(app, ["list"]).exit_code == 70


@pytest.mark.parametrize(
    "content", ["{", "{}", json.dumps({"stanza": 1}), json.dumps({"stanza": "main", "unknown": True})]
)
def test_wrong_settings_end_with_70(monkeypatch, tmp_path, content):
    (tmp_path / "settings.json").write_text(content)
    monkeypatch.setenv("CRYO_BACKUP_SETTINGS", str(tmp_path / "settings.json"))

    assert CliRunner().invoke(app, ["list"]).exit_code == 70
