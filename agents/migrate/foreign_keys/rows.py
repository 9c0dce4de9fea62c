"""Handles the rows that break a relation: found once, then worked off in short transactions."""

from dataclasses import dataclass

from psycopg import sql

from agents.migrate.foreign_keys.cascade import Cascade, keep_cascaded_rows, read_cascades
from agents.migrate.foreign_keys.declaration import OrphanAction, Relation
from agents.migrate.foreign_keys.errors import NotConvergedError
from agents.migrate.foreign_keys.orphans import PAGES_PER_BATCH, PAGES_PER_CASCADING_BATCH, WORK_LIST, OrphanSql
from agents.migrate.foreign_keys.repair import Handled, Repair
from agents.migrate.foreign_keys.survey import scan_settings

# Chosen: writers can move rows between the scan and their batch, and each pass finds what the one before missed.
_MAX_PASSES = 20
# Chosen: a batch takes tens of milliseconds; beyond this a trigger or a missing index makes it pathological.
_BATCH_STATEMENT_MS = 30_000
# Chosen: often enough to see that it moves, rarely enough that a long run does not fill the log.
_PROGRESS_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class _Sweep:
    """One relation's rows being handled."""

    repair: Repair
    broken: OrphanSql
    reason: str
    cascades: tuple[Cascade, ...]
    handled: Handled

    @property
    def relation(self) -> Relation:
        return self.broken.relation


def clean_rows(repair: Repair, broken: OrphanSql, reason: str) -> None:
    """Handle every row that breaks a relation, until a scan finds none.

    Raises:
        NotConvergedError: rows are found again and again; something undoes or prevents the change.
        DatabaseRefusedError: a constraint or trigger of the table forbids what the relation declares.
    """
    relation = broken.relation
    removes = relation.orphan is not OrphanAction.SET_NULL
    cascades = read_cascades(repair.runner.conn, relation.child) if removes else ()
    handled = repair.handled.setdefault(relation.name, Handled())
    sweep = _Sweep(repair, broken, reason, cascades, handled)
    clock = repair.runner.clock
    for _ in range(_MAX_PASSES):
        began_s = clock.monotonic()
        found, pages = _collect(sweep)
        found_s = clock.monotonic()
        handled.scan_s += found_s - began_s
        if not found:
            break
        _work_off(sweep, found, pages)
        handled.batch_s += clock.monotonic() - found_s
    else:
        message = (
            f"{relation.name}: {found} rows still break the relation after {_MAX_PASSES} passes; "
            "look for a trigger or rule that keeps them as they are"
        )
        raise NotConvergedError(message)
    repair.runner.log.info(
        "migrate.orphans.cleaned",
        relation=relation.name,
        action=relation.orphan.value,
        rows=handled.rows,
        cascaded=handled.cascaded,
        rows_per_s=_rate(handled.rows, handled.batch_s),
    )


def _collect(sweep: _Sweep) -> tuple[int, int]:
    """Find the rows that are broken now; return how many, and the pages of their list."""
    conn = sweep.repair.runner.conn

    def attempt() -> tuple[int, int]:
        with scan_settings(conn, sweep.repair.scan):
            conn.execute(sql.SQL("drop table if exists {}").format(WORK_LIST))
            found = conn.execute(sweep.broken.collect()).rowcount
            row = conn.execute(
                "select pg_relation_size('pg_temp.cryo_orphans') / current_setting('block_size')::bigint"
            ).fetchone()
        return found, int(str(row[0])) if row else 0

    return sweep.repair.retry(f"scan of {sweep.relation.name}", attempt)


def _work_off(sweep: _Sweep, found: int, pages: int) -> None:
    clock, log = sweep.repair.runner.clock, sweep.repair.runner.log
    step = PAGES_PER_CASCADING_BATCH if sweep.cascades else PAGES_PER_BATCH
    began_s = told_s = clock.monotonic()
    done = 0
    for page in range(0, pages, step):
        done += _handle_batch(sweep, (page, step))
        now_s = clock.monotonic()
        if now_s - told_s >= _PROGRESS_EVERY_S:
            told_s = now_s
            log.info(
                "migrate.orphans.progressed",
                relation=sweep.relation.name,
                done=done,
                of=found,
                rows_per_s=_rate(done, now_s - began_s),
            )


def _handle_batch(sweep: _Sweep, batch: tuple[int, int]) -> int:
    """Handle one batch in one transaction; return the number of its rows."""
    repair, conn = sweep.repair, sweep.repair.runner.conn
    handle = sweep.broken.handle(*batch, reason=sweep.reason, migration=repair.migration)

    def attempt() -> tuple[int, int]:
        with conn.transaction():
            repair.set_step_local(_BATCH_STATEMENT_MS)
            conn.execute(sweep.broken.lock(*batch))
            kept = (
                keep_cascaded_rows(conn, sweep.cascades, sweep.broken, batch, repair.migration) if sweep.cascades else 0
            )
            return conn.execute(handle).rowcount, kept

    changed, kept = repair.retry(f"{sweep.relation.orphan} of {sweep.relation.name}", attempt)
    sweep.handled.cascaded += kept
    match sweep.relation.orphan:
        case OrphanAction.SET_NULL:
            sweep.handled.set_null += changed
        case OrphanAction.DELETE:
            sweep.handled.deleted += changed
        case OrphanAction.QUARANTINE:
            sweep.handled.quarantined += changed
    return changed


def _rate(rows: int, seconds: float) -> int:
    return round(rows / seconds) if seconds > 0 else 0
