"""The progress file: whole lines only, in any state of the writer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_server.errors import ArtefactInvalidError
from model_server.jobs.progress import EndLine, Progress, StepLine, append_line, read_progress

STEP = StepLine("accuracy", 1, 7, "5 repeats")
END = EndLine("written", "written: x")


def test_absent_file_says_nothing(tmp_path):
    assert read_progress(tmp_path / "none.jsonl") == Progress()


def test_last_step_and_end_are_read(tmp_path):
    path = tmp_path / "deep" / "progress.jsonl"
    for line in (StepLine("settings", 0, 7, ""), STEP, END):
        append_line(path, line)

    assert read_progress(path) == Progress(STEP, END)


@given(st.integers(0, 200))
def test_file_cut_anywhere_is_read_up_to_its_last_whole_line(tmp_path_factory, length):
    path = tmp_path_factory.mktemp("cut") / "progress.jsonl"
    append_line(path, STEP)
    append_line(path, END)
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    path.write_bytes(whole[:length])

    found = read_progress(path)

    assert found.step == (STEP if length >= first else None)
    assert found.end == (END if length >= len(whole) else None)


def test_line_of_another_program_is_refused_with_its_place(tmp_path):
    path = tmp_path / "progress.jsonl"
    path.write_text('{"kind": "step", "step": "a", "done": 0, "of": 7, "message": ""}\nhello\n')

    with pytest.raises(ArtefactInvalidError, match="line 2"):
        read_progress(path)
