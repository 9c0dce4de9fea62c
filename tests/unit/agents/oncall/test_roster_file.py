"""A roster that would leave somebody untold is refused, and the message names the key."""

from pathlib import Path

import pytest

from agents.oncall.errors import RosterInvalidError
from agents.oncall.roster_file import parse_roster, read_roster

REPOSITORY = Path(__file__).resolve().parents[4]


def override_of(start: str, end: str) -> str:
    override = f"{{start: {start}, end: {end}, person: bob, reason: x}}"
    return f'since: 2026-01-05, hand_over: "09:00", overrides: [{override}]}}\n  second'


def test_committed_roster_can_be_followed() -> None:
    roster = read_roster(REPOSITORY / "environments" / "oncall" / "roster.yaml")

    assert roster.routes[-1].match == {}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("rotation: [ann, bob]", "rotation: [ann, bop]", "schedules.first.rotation: 'bop' is nobody under people"),
        ("rotation: [ann, bob]", "rotation: []", "schedules.first.rotation: is empty"),
        ("Europe/Berlin, rotation", "Europe/Berlim, rotation", "'Europe/Berlim' is no IANA time zone"),
        ('hand_over: "09:00"}\n  second', 'hand_over: "24:00"}\n  second', "schedules[...].hand_over"),
        ('hand_over: "09:00"}\n  second', "hand_over: 10:00}\n  second", "Expected `str`, got `int`"),
        ("tell: [cleo], by", "tell: [clio], by", "policies.page.steps[3].tell: 'clio' is neither"),
        ("tell: [cleo], by", "tell: [], by", "policies.page.steps[3].tell: is empty"),
        ("by: [slack]}]", "by: []}]", "policies.notice.steps[0].by: is empty"),
        ("by: [slack]}]", "by: [pager]}]", "Invalid enum value 'pager'"),
        (", email: cleo@example.org", "", "policies.page.steps[3].by: email, but people.cleo has no email"),
        ("email: cleo@example.org", "email: cleo", "people.cleo.email: 'cleo' is no address"),
        ("holidays: de}", "holidays: fr}", "people.ann.holidays: 'fr' is no calendar"),
        ("  - {policy: notice}\n", "", "routes: the last one has to match everything"),
        ("{match: {severity: critical}, policy: page}", "{policy: page}", "routes[0]: matches everything"),
        ("{policy: notice}", "{policy: notise}", "routes[1].policy: 'notise' is no policy"),
        ("repeat: 2", "repeat: -1", "policies.page.repeat: is -1"),
        ("repeat: 2", "calm_s: 0", "policies.page.calm_s: is 0"),
        ("after_s: 600", "after_s: -1", "policies.page.steps[3].after_s: is -1"),
        ("repeat: 2", "repeats: 2", "unknown field `repeats`"),
        ("  cleo: {", "  first: {", "people.first: a schedule has the same name"),
        ("people:", "people: [", "is not YAML"),
        (
            'since: 2026-01-05, hand_over: "09:00"}\n  second',
            override_of("2026-02-02T09:00:00", "2026-02-01T09:00:00"),
            "schedules.first.overrides[0]: ends at",
        ),
        (
            'since: 2026-01-05, hand_over: "09:00"}\n  second',
            override_of("2026-02-01T09:00:00Z", "2026-02-02T09:00:00Z"),
            "schedules.first.overrides[0]: times are local",
        ),
    ],
)
def test_what_cannot_be_followed_is_named(roster_text, old, new, told) -> None:
    assert old in roster_text

    with pytest.raises(RosterInvalidError) as caught:
        parse_roster(roster_text.replace(old, new, 1), label="roster.yaml")

    assert told in str(caught.value)
    assert str(caught.value).startswith("roster.yaml: ")


def test_two_overrides_of_one_time_are_refused(roster_text) -> None:
    twice = ", ".join(
        f"{{start: 2026-02-0{day}T09:00:00, end: 2026-02-05T09:00:00, person: {person}, reason: x}}"
        for day, person in ((1, "bob"), (2, "cleo"))
    )
    text = roster_text.replace('hand_over: "09:00"}', f'hand_over: "09:00", overrides: [{twice}]}}', 1)

    with pytest.raises(RosterInvalidError, match="bob and cleo both have 2026-02-02"):
        parse_roster(text, label="roster.yaml")


def test_file_that_is_not_there_is_told_with_its_setting(tmp_path) -> None:
    with pytest.raises(RosterInvalidError, match="CRYO_ONCALL_ROSTER"):
        read_roster(tmp_path / "none.yaml")
