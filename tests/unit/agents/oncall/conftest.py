"""One roster for the pure parts, and notices as Alertmanager sends them."""

from datetime import UTC, datetime, timedelta

import pytest

from agents.oncall.incident import Alert
from agents.oncall.payload import Notice
from agents.oncall.roster import Roster
from agents.oncall.roster_file import parse_roster

ROSTER = """
people:
  ann: {name: Ann, time_zone: Europe/Berlin, email: ann@example.org, slack: "<@U1>", holidays: de}
  bob: {name: Bob, time_zone: America/New_York, email: bob@example.org}
  cleo: {name: Cleo, time_zone: Asia/Tokyo, email: cleo@example.org}
calendars: {de: [2026-12-25]}
schedules:
  first: {time_zone: Europe/Berlin, rotation: [ann, bob], since: 2026-01-05, hand_over: "09:00"}
  second: {time_zone: Europe/Berlin, rotation: [bob, ann], since: 2026-01-05, hand_over: "09:00"}
policies:
  page:
    steps:
      - {tell: [first], by: [email, slack]}
      - {after_s: 300, tell: [first], by: [slack]}
      - {after_s: 300, tell: [second], by: [email, slack]}
      - {after_s: 600, tell: [cleo], by: [email]}
    repeat: 2
    repeat_after_s: 1200
  notice: {steps: [{tell: [first], by: [slack]}]}
routes:
  - {match: {severity: critical}, policy: page}
  - {policy: notice}
"""
START = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def roster() -> Roster:
    return parse_roster(ROSTER, label="roster.yaml")


@pytest.fixture(scope="session")
def roster_text() -> str:
    return ROSTER


@pytest.fixture(scope="session")
def at():
    """An instant so many seconds after the start."""
    return lambda seconds: START + timedelta(seconds=seconds)


@pytest.fixture(scope="session")
def notice():
    def make(
        *, firing=True, severity="critical", fingerprints=("a",), key="group", starts_s=0.0, name="ApiDown"
    ) -> Notice:
        alerts = tuple(
            Alert(
                each,
                START + timedelta(seconds=starts_s),
                {"alertname": name, "severity": severity},
                {"summary": "no API answers"},
            )
            for each in fingerprints
        )
        return Notice(key, firing, alerts)

    return make
