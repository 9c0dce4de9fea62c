"""The page of a release holds the whole record, nothing from elsewhere, and no markup that a reason brought along."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.release.record import ReleaseRecord, Transition
from agents.release.states import Phase
from agents.runtime.names import Colour
from cryo.release.page import draw_shares, render_page

STEPS = (
    (Phase.PREPARING, "12:00:00", 0, "weights are blue 100, green 0"),
    (Phase.SHIFTING, "12:00:10", 5, "approved by hand"),
    (Phase.WATCHING, "12:00:12", 5, "the gateway answered as green"),
    (Phase.ROLLING_BACK, "12:00:42", 0, "failed requests of users: canary 9 of 90 (10.00 %)"),
    (Phase.ROLLED_BACK, "12:00:43", 0, "weights are blue 100, green 0"),
)


def record(reason: str = "<script>alert(1)</script>") -> ReleaseRecord:
    steps = tuple(
        Transition(phase, f"2026-03-01T{at}.000Z", (because, reason), share) for phase, at, share, because in STEPS
    )
    return ReleaseRecord(
        "r1", "model-server", Colour.BLUE, Colour.GREEN, steps, {Colour.GREEN: "0.2.0"}, "img", "pod-1"
    )


class Reader(HTMLParser):
    """Collects tags, addresses and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for key, value in attrs if key in {"src", "href", "action", "data"}]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_page_tells_inputs_reasons_with_numbers_who_and_when() -> None:
    said = Reader(render_page(record(), settings={"steps": (5, 100)}, git="abc123 Ada: release(staging)")).text

    for part in ("r1", "rolled back", "0.2.0", "img", "pod-1", "abc123 Ada", "9 of 90 (10.00 %)", "30.0 s", "(5, 100)"):
        assert part in said
    for phase, at, _, because in STEPS:
        assert phase.value in said
        assert at in said
        assert because in said


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=40))
def test_page_is_complete_in_itself_and_a_reason_stays_text(reason: str) -> None:
    plain, told = (Reader(render_page(record(text), settings={}, git="")) for text in ("x", f"<b>{reason}</b>"))

    assert told.tags == plain.tags
    assert told.addresses == []
    assert f"<b>{reason}</b>" in told.text


def test_line_of_shares_steps_up_and_down_with_the_phases() -> None:
    points = [tuple(map(float, point.split(","))) for point in draw_shares(record()).split()]

    assert points[0] == (0.0, 120.0)
    assert (pytest.approx(600 * 10 / 43, abs=0.1), 114.0) in points
    assert points[-1] == (600.0, 120.0)
    assert [x for x, _ in points] == sorted(x for x, _ in points)
