"""A whole run: what it says of a server that is fine, silent, locked or slow, and of a standby."""

from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from planting import SCHEMA, ask, objects
from prometheus_client import CollectorRegistry

from agents.health.declared import read_declared
from agents.health.definition import Check, Profile, Severity, Threshold
from agents.health.examine import CONNECTION, ROUND_TRIP, Order, examine
from agents.health.findings import Status
from agents.health.registry import load_checks, select_checks
from agents.runtime.clock import SystemClock
from agents.runtime.logs import Redactor, get_logger
from agents.runtime.metrics import DatabaseMetrics
from agents.runtime.names import APP_HEALTH, SessionName
from agents.runtime.postgres import Database, PoolSettings, Surroundings, Target
from agents.runtime.retry import Backoff
from agents.runtime.settings import DatabaseSettings


@contextmanager
def open_pool(environ: dict[str, str]):
    target = Target(DatabaseSettings.from_environ(environ), SessionName(APP_HEALTH, None, "test"), Redactor())
    pool = PoolSettings(max_size=1, wait_s=3, backoff=Backoff(tries=2, first_s=0.01, cap_s=0.05))
    around = Surroundings(log=get_logger(APP_HEALTH))
    with Database(target, pool, metrics=DatabaseMetrics(CollectorRegistry()), around=around) as database:
        yield database


def run(environ: dict[str, str], checks, profile: Profile = Profile.FULL):
    with open_pool(environ) as database:
        return examine(database, Order(profile, checks), name=environ["CRYO_DB_NAME"], clock=SystemClock())


def make_check(**told) -> Check:
    plain = {"title": "t", "severity": Severity.WARN, "meaning": "m", "remedy": "r", "evidence": ()}
    return Check(id="schema.made", **{**plain, **told})


def outcome_of(report, check: str):
    return next(each for each in report.outcomes if each.id == check)


def test_our_own_schema_has_no_defect_of_its_own(debian):
    """Settings and backups are the deployment's; what the schema itself brings must be clean."""
    groups = ("indexes", "schema", "integrity", "security")

    report = run(debian.environ(), select_checks(Profile.FULL, groups))

    assert [(each.id, objects(each)) for each in report.outcomes if each.findings] == []
    assert [(each.id, each.reason) for each in report.outcomes if each.status is Status.UNKNOWN] == []
    assert report.status is Status.OK
    assert sum(report.counts.values()) == len(report.outcomes)


MADE = """
with ours as (
    select oid, nspname from pg_namespace where nspname !~ '^pg_' and nspname not in ('auth', 'information_schema')
)
select case c.relkind when 'r' then 'table' when 'v' then 'view' else 'index' end, nspname || '.' || relname
from pg_class as c join ours on ours.oid = c.relnamespace
where c.relkind in ('r', 'v', 'i') and not exists (select from pg_constraint where conindid = c.oid and contype <> 'f')
union all
select 'policy', nspname || '.' || relname || ' / ' || polname
from pg_policy join pg_class as c on c.oid = polrelid join ours on ours.oid = c.relnamespace
union all
select 'trigger', nspname || '.' || relname || ' / ' || tgname
from pg_trigger join pg_class as c on c.oid = tgrelid join ours on ours.oid = c.relnamespace where not tgisinternal
union all
select 'function', nspname || '.' || proname from pg_proc join ours on ours.oid = pronamespace
"""


def test_the_names_read_from_the_schema_file_are_those_that_it_makes(debian):
    """The file is read without a server, so a server must agree with every name."""
    declared = read_declared(SCHEMA.read_text(encoding="utf-8"))

    with debian.connect() as conn:
        assert set(conn.execute(MADE).fetchall()) == set(declared)


def test_every_check_answers_or_says_why_it_was_skipped(debian):
    report = run(debian.environ(), select_checks(Profile.FULL))

    assert [(each.id, each.reason) for each in report.outcomes if each.status is Status.UNKNOWN] == []
    assert all(each.reason for each in report.outcomes if each.status is Status.SKIPPED)
    assert outcome_of(report, CONNECTION).status is Status.OK
    assert outcome_of(report, ROUND_TRIP).status is Status.OK


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"CRYO_DB_PORT": "1"}, "did not answer"),
        ({"CRYO_DB_NAME": "nowhere"}, "does not exist"),
        ({"CRYO_DB_USER": "nobody"}, "password authentication failed"),
        ({"CRYO_DB_HOST": "database.invalid"}, "database.invalid"),
    ],
    ids=["nobody listens", "no such database", "wrong credentials", "no such host"],
)
def test_a_database_that_lets_nobody_in_is_one_critical_finding(debian, change, told):
    report = run({**debian.environ(), **change}, select_checks(Profile.QUICK), Profile.QUICK)

    [finding] = outcome_of(report, CONNECTION).findings
    assert told in str(finding.evidence["reason"])
    assert report.status is Status.CRITICAL
    assert report.counts["skipped"] == len(report.outcomes) - 1
    assert CONNECTION in outcome_of(report, "connections.used").reason


def test_full_connection_slots_are_named(debian):
    environ = debian.environ()
    with debian.connect() as conn:
        conn.execute("create role crowded login connection limit 0")
        conn.execute(f"alter role crowded password '{debian.password}'")
    try:
        report = run({**environ, "CRYO_DB_USER": "crowded"}, select_checks(Profile.QUICK), Profile.QUICK)
    finally:
        with debian.connect() as conn:
            conn.execute("drop role crowded")

    [finding] = outcome_of(report, CONNECTION).findings
    assert "too many connections" in str(finding.evidence["reason"])


def test_a_slow_check_is_unknown_and_the_next_one_still_answers(debian):
    slow = make_check(timeout_s=0.05, statements={0: "select pg_sleep(5)::text as object"})

    report = run(debian.environ(), [slow, load_checks()["schema.no_primary_key"]])

    assert report.outcomes[0].status is Status.UNKNOWN
    assert "statement timeout" in report.outcomes[0].reason
    assert report.outcomes[1].status is Status.OK
    assert report.status is Status.UNKNOWN


def test_a_check_that_would_wait_for_a_lock_gives_up_at_once(debian):
    check = make_check(statements={0: "select id::text as object from public.teams"})

    with debian.connect() as other, other.transaction(force_rollback=True):
        other.execute("lock table public.teams in access exclusive mode")
        report = run(debian.environ(), [check])

    assert report.status is Status.UNKNOWN
    assert "lock timeout" in report.outcomes[0].reason


def test_a_check_cannot_write(debian):
    report = run(
        debian.environ(), [make_check(statements={0: "select nextval('public.audit_log_id_seq')::text as object"})]
    )

    assert report.status is Status.UNKNOWN
    assert "read-only transaction" in report.outcomes[0].reason


def test_many_findings_are_counted_and_the_worst_are_shown(debian):
    check = make_check(
        threshold=Threshold(warn=10, critical=90, unit="things", source="made"),
        statements={0: "select 'object ' || n as object, n as value from generate_series(1, 100) as n"},
    )

    report = run(debian.environ(), [check])

    [outcome] = report.outcomes
    assert outcome.total == 91
    assert [each.value for each in outcome.findings] == list(range(100, 90, -1))
    assert {each.severity for each in outcome.findings} == {Severity.CRITICAL}


def test_one_object_that_cannot_be_looked_at_hides_no_other(debian):
    check = make_check(
        generated=True,
        statements={
            0: "select * from (values ('good', 'select 0 as value'), ('broken', 'select 1 / 0 as value'), "
            "('bad', 'select 7 as value')) as made (object, query)"
        },
    )

    report = run(debian.environ(), [check])

    [outcome] = report.outcomes
    assert objects(outcome) == ["bad"]
    assert outcome.status is Status.UNKNOWN
    assert "no answer about 1 of 3: broken" in outcome.reason


def test_rows_that_a_policy_would_hide_are_an_error_and_not_a_clean_answer(debian):
    """A role without BYPASSRLS sees no orphans, because it sees no rows."""
    with debian.connect() as conn:
        conn.execute("create role watcher login")
        conn.execute(f"alter role watcher password '{debian.password}'")
        conn.execute("grant usage on schema public to watcher")
        conn.execute("grant select on all tables in schema public to watcher")
        conn.execute(
            "insert into auth.users (id) values ('00000000-0000-0000-0000-000000000001') on conflict do nothing"
        )
        conn.execute("insert into public.teams (name, created_by) select 'planted', id from auth.users")
    try:
        report = run({**debian.environ(), "CRYO_DB_USER": "watcher"}, [load_checks()["integrity.orphans"]])
    finally:
        with debian.connect() as conn:
            conn.execute("set session_replication_role = replica")
            conn.execute("delete from public.user_team_membership")
            conn.execute("delete from public.teams")
            conn.execute("delete from auth.users")
            conn.execute("drop owned by watcher")
            conn.execute("drop role watcher")

    assert report.status is Status.UNKNOWN
    assert "row-level security" in report.outcomes[0].reason or "permission denied" in report.outcomes[0].reason


def test_a_standby_skips_what_only_a_primary_knows_and_the_primary_sees_its_lag(debian):
    with debian.standby() as follower:
        report = run({**follower.environ(), "CRYO_DB_PORT": str(follower.port)}, select_checks(Profile.QUICK))
        with debian.connect() as conn, follower.connect() as reader:
            conn.execute("create table public.planted as select n as id from generate_series(1, 1000) as n")
            reader.execute("select pg_wal_replay_pause()")
            conn.execute("insert into public.planted select n from generate_series(1, 1000) as n")
            lagging = ask(conn, "replication.standby_lag", {"warn": 1})
            fine = ask(conn, "replication.standby_lag")
            conn.execute("drop table public.planted")

    assert outcome_of(report, "replication.archive_off").reason == "the server is a standby"
    assert [(each.id, each.reason) for each in report.outcomes if each.status is Status.UNKNOWN] == []
    assert objects(lagging) == ["follower"]
    assert fine.status is Status.OK


def test_every_check_is_proven_by_a_planted_defect():
    """A check that never fired in a test may never fire at all."""
    folder = Path(__file__).parent
    planted = {f"{path.parent.name}.{path.stem}" for path in folder.glob("plants/*/*.sql")}
    sources = "".join(path.read_text(encoding="utf-8") for path in folder.glob("test_*.py"))
    named = {check for check in load_checks() if f'"{check}"' in sources} | {CONNECTION, ROUND_TRIP}

    assert set(load_checks()) - planted - named == set()


def test_a_long_way_to_the_server_is_found(debian):
    limits = load_checks()[ROUND_TRIP].threshold
    near = msgspec.structs.replace(load_checks()[ROUND_TRIP], threshold=limits)
    far = msgspec.structs.replace(near, threshold=msgspec.structs.replace(limits, warn=0.0001, critical=None))

    assert run(debian.environ(), [near]).status is Status.OK
    assert run(debian.environ(), [far]).status is Status.WARN
