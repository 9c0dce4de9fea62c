"""Every check finds the defect that is planted for it and nothing in the same database without it."""

import fnmatch

import psycopg
import pytest
from planting import Plant, ask, objects, read_plants

from agents.health.findings import Status
from agents.health.registry import load_checks

PLANTED = read_plants()


def run_statements(conn, text: str) -> None:
    """One by one, because some of them refuse to run among others; a body in dollars stays whole."""
    statements, current, quoted = [], "", False
    for line in text.splitlines(keepends=True):
        current += line
        quoted ^= line.count("$$") % 2 == 1
        if not quoted and line.rstrip().endswith(";"):
            statements.append(current)
            current = ""
    assert not current.strip(), current
    for statement in statements:
        conn.execute(statement)


def knows_icu(server) -> bool:
    with server.connect() as conn, conn.transaction(force_rollback=True):
        try:
            conn.execute("create collation public.probe (provider = icu, locale = 'de')")
        except psycopg.errors.FeatureNotSupported:
            return False
    return True


def expected(conn, plant: Plant) -> list[str]:
    name = conn.execute("select current_database()").fetchone()[0]
    known = {"DATABASE_COLLATION": f"database {name}"}
    return sorted(known.get(each, each.replace("DATABASE", name)) for each in plant.expect)


def judge_both(conn, plant: Plant, flush) -> None:
    run_statements(conn, plant.clean_sql)
    flush()
    before = ask(conn, plant.check, plant.clean)
    run_statements(conn, plant.defect_sql)
    flush()
    after = ask(conn, plant.check, plant.defect)

    assert (before.status, before.reason, objects(before)) == (Status.OK, None, [])
    found = objects(after)
    wanted = expected(conn, plant)
    assert len(found) == len(wanted), (after.reason, found)
    assert all(fnmatch.fnmatchcase(one, other) for one, other in zip(found, wanted, strict=True)), found
    assert after.reason is None
    assert after.status.value == after.findings[0].severity.value
    assert all(set(each.evidence) == set(load_checks()[plant.check].evidence) for each in after.findings)


@pytest.mark.parametrize("plant", PLANTED.values(), ids=PLANTED)
def test_a_check_finds_its_planted_defect_and_nothing_without_it(server, plant):
    with server.connect() as conn:
        available = {row[0] for row in conn.execute("select name from pg_available_extensions").fetchall()}
    if plant.icu and not knows_icu(server):
        return
    if missing := set(plant.extensions) - available:
        with server.connect() as conn:
            outcome = ask(conn, plant.check)
        assert outcome.status is not Status.OK
        assert outcome.status is not Status.SKIPPED or any(name in str(outcome.reason) for name in missing)
        return
    if plant.mode == "committed":
        with server.database() as name, server.connect(name) as conn:
            try:
                judge_both(conn, plant, lambda: conn.execute("select pg_stat_force_next_flush()"))
            finally:
                run_statements(conn, plant.undo_sql)
        return
    with server.connect() as conn, conn.transaction(force_rollback=True):
        for name in plant.pretend:
            conn.execute(
                "insert into pg_extension values (99999, %s, 10, 'pg_catalog'::regnamespace, false, '1', null, null)",
                (name,),
            )
        judge_both(conn, plant, lambda: None)
