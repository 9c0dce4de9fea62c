"""When a contract step may run: every reason against it, from the history, the sessions and the clock."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.migrate.contract_gate import OtherSession, is_older, judge_contract
from agents.migrate.model import AppliedMigration, Expectation, Migration, Phase, Statement, Verification
from agents.runtime.names import Colour, SessionName

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
OWN = SessionName("migrate", Colour.GREEN, "2.0.0")
DAY_S = 24 * 3600.0
STEP = Migration(
    number=3,
    phase=Phase.CONTRACT,
    words="change",
    summary="Takes away.",
    sha256="a" * 64,
    statements=(Statement("select 1", 1),),
    verification=Verification(Expectation.ZERO_ROWS, (Statement("select 1 where false", 1),)),
    lock_budget_ms=500,
    statement_budget_s=30,
    min_server=15,
    transactional=True,
    follows=2,
    no_down="",
)


def applied(number: int, ago_s: float, phase: Phase = Phase.EXPAND) -> AppliedMigration:
    return AppliedMigration(number, phase, f"{number:04d}_{phase}_x", "a" * 64, NOW - timedelta(seconds=ago_s), 1, 0, 1)


def judge(rows=(), others=(), *, promoted_ago_s: float | None = None, window_s: float = DAY_S) -> tuple[str, ...]:
    promoted_at = None if promoted_ago_s is None else NOW - timedelta(seconds=promoted_ago_s)
    return judge_contract(STEP, rows, others, session=OWN, now=NOW, promoted_at=promoted_at, window_s=window_s)


def test_nothing_against_it_lets_it_run() -> None:
    assert judge([applied(3, DAY_S + 1), applied(4, 10)], promoted_ago_s=DAY_S + 1) == ()


@given(st.floats(0, 2 * DAY_S), st.floats(0, 2 * DAY_S))
def test_window_is_open_until_its_last_second(expanded_ago_s: float, window_s: float) -> None:
    reasons = judge([applied(3, expanded_ago_s), applied(3, 5 * DAY_S, Phase.BACKFILL)], window_s=window_s)

    closes_at = NOW - timedelta(seconds=expanded_ago_s) + timedelta(seconds=window_s)
    assert bool(reasons) == (closes_at > NOW)


def test_newest_step_of_the_number_counts_and_the_promotion_counts_by_itself() -> None:
    reasons = judge([applied(3, DAY_S + 1), applied(3, 60, Phase.VALIDATE)], promoted_ago_s=3600)

    assert [reason.split(" 20")[0] for reason in reasons] == ["its expansion was applied", "the last promotion ended"]
    assert "until 2026-03-03T11:59:00.000Z" in reasons[0]


def test_every_older_session_is_named_once_with_its_pids() -> None:
    others = [
        OtherSession(9, "cryo-flags/blue/1.0.0"),
        OtherSession(7, "cryo-flags/blue/1.0.0"),
        OtherSession(8, "psql"),
        OtherSession(6, "cryo-flags/green/2.0.0"),
    ]

    assert judge(others=others) == (
        "cryo-flags/blue/1.0.0 is connected (pid 7, 9) and we are version 2.0.0; stop that version first",
    )


@pytest.mark.parametrize(
    ("other", "own", "older"),
    [
        (SessionName("flags", Colour.BLUE, "2.0.0"), OWN, True),
        (SessionName("flags", Colour.GREEN, "2.0.0"), OWN, False),
        (SessionName("flags", None, "2.0.0"), OWN, False),
        (SessionName("flags", None, "1.9.9"), OWN, True),
        (SessionName("flags", Colour.BLUE, "2.0.0"), SessionName("migrate", None, "2.0.0"), False),
        (SessionName("migrate", Colour.BLUE, "1.0.0"), OWN, False),
    ],
)
def test_version_decides_and_colour_where_both_have_one(other: SessionName, own: SessionName, *, older: bool) -> None:
    assert is_older(other, own) == older


def test_version_that_the_server_cut_is_not_another_one() -> None:
    long = "2.0.0-" + "x" * 80
    seen = SessionName.parse(SessionName("a-long-agent-name", Colour.GREEN, long).format())

    assert seen is not None
    assert not is_older(seen, SessionName("migrate", Colour.GREEN, long))
