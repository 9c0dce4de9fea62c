"""What will run and why, for every history that a database can have."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.migrate.errors import HistoryMismatchError, ServerTooOldError
from agents.migrate.model import AppliedMigration, Expectation, Migration, Phase, Statement, Verification
from agents.migrate.plan import Action, plan_migrations
from agents.migrate.verify import judge_rows
from agents.runtime.postgres.fingerprint import Fact, compare, digest

WHEN = datetime(2026, 3, 1, tzinfo=UTC)


def migration(number: int, phase: Phase = Phase.EXPAND, *, sha: str = "a", min_server: int = 15) -> Migration:
    return Migration(
        number=number,
        phase=phase,
        words=f"change_{number}",
        summary="Adds.",
        sha256=sha * 64,
        statements=(Statement("select 1", 1),),
        verification=Verification(Expectation.ZERO_ROWS, (Statement("select 1 where false", 1),)),
        lock_budget_ms=500,
        statement_budget_s=30,
        min_server=min_server,
        transactional=True,
        follows=number - 1,
        no_down="",
    )


def applied(source: Migration, *, name: str | None = None) -> AppliedMigration:
    return AppliedMigration(
        number=source.number,
        phase=source.phase,
        name=name or source.name,
        sha256=source.sha256,
        finished_at=WHEN,
        duration_ms=1,
        lock_wait_ms=0,
        attempts=1,
    )


FOLDERS = st.lists(st.sets(st.sampled_from(Phase), min_size=1), max_size=6).map(
    lambda numbers: [migration(n, phase) for n, phases in enumerate(numbers, 1) for phase in Phase if phase in phases]
)


@given(FOLDERS, st.booleans(), st.data())
def test_plan_then_apply_then_plan_leaves_nothing_to_run(
    folder: list[Migration],
    include: bool,  # noqa: FBT001 - hypothesis passes it by name
    data: st.DataObject,
) -> None:
    ordinary = [each for each in folder if each.phase is not Phase.CONTRACT]
    done = [applied(each) for each in ordinary[: data.draw(st.integers(0, len(ordinary)))]]

    plan = plan_migrations(folder, done, server_major=15, include_contract=include)

    assert {step.migration.key for step in plan.steps} == {each.key for each in folder}
    assert not {each.key for each in plan.to_run} & {row.key for row in done}
    # A contract step waits for the apply after its own expansion, so two rounds end it.
    for _ in range(2):
        done += map(applied, plan.to_run)
        plan = plan_migrations(folder, done, server_major=15, include_contract=include)
    assert plan.to_run == plan.refused == ()


@given(FOLDERS, st.booleans())
def test_contract_steps_run_last_and_only_when_asked_for(folder: list[Migration], include: bool) -> None:  # noqa: FBT001
    plan = plan_migrations(folder, [], server_major=17, include_contract=include)

    contracts = [each.phase is Phase.CONTRACT for each in plan.to_run]
    assert contracts == sorted(contracts)
    alone = [each for each in folder if sum(other.number == each.number for other in folder) == 1]
    assert any(contracts) == (include and any(each.phase is Phase.CONTRACT for each in alone))


def test_contract_step_never_runs_together_with_its_own_expansion() -> None:
    folder = [migration(1), migration(1, Phase.BACKFILL), migration(1, Phase.CONTRACT)]

    plan = plan_migrations(folder, [applied(folder[0])], server_major=15, include_contract=True)

    assert plan.to_run == (folder[1],)
    assert [step.migration for step in plan.refused] == [folder[2]]
    assert plan.refused[0].because == (
        "0001_backfill_change_1 has to be applied, and in use, before; run it without --include contract",
    )


def test_blocked_contract_step_is_refused_with_every_reason() -> None:
    folder = [migration(1), migration(1, Phase.CONTRACT)]
    blocked = {folder[1].key: ("somebody is connected", "the window is open")}

    plan = plan_migrations(folder, [applied(folder[0])], server_major=15, include_contract=True, blocked=blocked)

    assert plan.to_run == ()
    assert plan.refused[0].because == blocked[folder[1].key]


@given(FOLDERS)
def test_every_step_says_why(folder: list[Migration]) -> None:
    plan = plan_migrations(folder, [applied(each) for each in folder[:1]], server_major=15, include_contract=False)

    assert all(step.because and all(step.because) for step in plan.steps)


def test_edited_applied_file_is_a_hard_stop() -> None:
    with pytest.raises(HistoryMismatchError, match=r"0001_expand_change_1.sql was edited after it was applied"):
        plan_migrations([migration(1, sha="b")], [applied(migration(1))], server_major=15, include_contract=False)


def test_removed_applied_file_is_a_hard_stop() -> None:
    with pytest.raises(HistoryMismatchError, match=r"0001_expand_change_1.sql was applied .* not in the folder"):
        plan_migrations([migration(2)], [applied(migration(1))], server_major=15, include_contract=False)


def test_renamed_applied_file_is_a_hard_stop() -> None:
    row = applied(migration(1), name="0001_expand_old_name")

    with pytest.raises(HistoryMismatchError, match="give it its old name back"):
        plan_migrations([migration(1)], [row], server_major=15, include_contract=False)


def test_file_slipped_in_before_applied_ones_is_refused() -> None:
    folder = [migration(1), migration(1, Phase.BACKFILL), migration(2)]

    with pytest.raises(HistoryMismatchError, match=r"0001_backfill_change_1.sql is new but comes before 0002_expand"):
        plan_migrations(folder, [applied(folder[0]), applied(folder[2])], server_major=15, include_contract=False)


def test_contract_step_may_follow_later_expands() -> None:
    folder = [migration(1), migration(1, Phase.CONTRACT), migration(2)]

    plan = plan_migrations(folder, [applied(folder[0]), applied(folder[2])], server_major=15, include_contract=True)

    assert plan.to_run == (folder[1],)


def test_history_newer_than_the_folder_is_left_alone_because_a_rollback_runs_the_old_image() -> None:
    plan = plan_migrations(
        [migration(1)], [applied(migration(1)), applied(migration(2))], server_major=15, include_contract=False
    )

    assert plan.to_run == ()
    assert plan.notes == ("0002_expand_change_2 is newer than this folder; left as it is",)


def test_old_server_is_refused_before_anything_runs() -> None:
    with pytest.raises(ServerTooOldError, match=r"0002_expand_change_2.sql needs PostgreSQL 17, the server is 15"):
        plan_migrations([migration(1), migration(2, min_server=17)], [], server_major=15, include_contract=False)


def test_old_server_does_not_matter_for_held_and_done_steps() -> None:
    folder = [migration(1, min_server=17), migration(1, Phase.CONTRACT, min_server=17)]

    plan = plan_migrations(folder, [applied(folder[0])], server_major=15, include_contract=False)

    assert [step.action for step in plan.steps] == [Action.DONE, Action.HELD]


@pytest.mark.parametrize(
    ("expectation", "rows", "wrong"),
    [
        (Expectation.ZERO_ROWS, [], ""),
        (Expectation.ZERO_ROWS, [("t",)], "expected no rows, got ('t',)"),
        (
            Expectation.ZERO_ROWS,
            [(n,) for n in range(7)],
            "expected no rows, got (0,), (1,), (2,), (3,), (4,) and 2 more",
        ),
        (Expectation.ONE_TRUE, [(True,)], ""),
        (Expectation.ONE_TRUE, [(False,)], "expected one row with true, got (False,)"),
        (Expectation.ONE_TRUE, [(1,)], "expected one row with true, got (1,)"),
        (Expectation.ONE_TRUE, [], "expected one row with true, got no rows"),
        (Expectation.ONE_TRUE, [(True,), (True,)], "expected one row with true, got (True,), (True,)"),
        (Expectation.ONE_TRUE, [(None,)], "expected one row with true, got (None,)"),
    ],
)
def test_verify_answer_is_judged_by_its_declared_shape(
    expectation: Expectation, rows: list[tuple[object]], wrong: str
) -> None:
    assert judge_rows(expectation, rows) == wrong


def test_schema_difference_is_named_in_both_directions() -> None:
    wanted = frozenset({Fact("column", "a.b", "text"), Fact("column", "a.c", "text")})
    actual = frozenset({Fact("column", "a.b", "text"), Fact("column", "a.d", "text")})

    assert compare(wanted, actual) == ("missing column a.c: text", "unexpected column a.d: text")
    assert digest(wanted) != digest(actual)
    assert compare(wanted, wanted) == ()
