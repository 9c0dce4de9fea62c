"""Adopts a database that existed before the runner: looks, plans, changes, proves, and writes the history."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from agents.migrate.adopt.actions import Action, Refusal, Step, code
from agents.migrate.adopt.apply import apply_action
from agents.migrate.adopt.diff import AdoptionPlan, plan_adoption, set_aside_tables
from agents.migrate.adopt.doors import find_open_doors, find_policies_in_the_way
from agents.migrate.adopt.kept import KeptObject, list_kept, record_kept
from agents.migrate.adopt.legacy import LegacyRules, read_legacy_rules
from agents.migrate.adopt.rows import SeedRows, plan_copies, plan_seeds, read_seeds
from agents.migrate.adopt.shape import Shape, read_shape
from agents.migrate.adopt.survey import survey_rows
from agents.migrate.errors import AdoptionRefusedError, MigrationFileError
from agents.migrate.history import How, Run, record_run
from agents.migrate.model import Migration
from agents.migrate.runner import Runner
from agents.migrate.truth import Server, is_supabase, load_migrations, read_schema_file, scratch_database
from agents.migrate.verify import require_verified
from agents.runtime.postgres import Connection
from agents.runtime.postgres.fingerprint import Fact, read_fingerprint

# Measured 2026-11: the planted v2 database needs two; a change that calls for another one is planned again.
_ROUNDS = 4
# Chosen: 100,000 rows are written anew in well under a second, which is what a blocked reader notices.
_REWRITE_LIMIT_ROWS = 100_000
_CREATED_TABLE = re.compile(r"^\s*create\s+table\s+(?:if\s+not\s+exists\s+)?(public\.\w+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Declared:
    """What the files that an adoption stands for make of an empty database."""

    migrations: tuple[Migration, ...]
    rules: LegacyRules
    schemas: tuple[str, ...]
    shape: Shape
    facts: frozenset[Fact]
    seeds: tuple[SeedRows, ...]


@dataclass(frozen=True, slots=True)
class Adoption:
    """What an adoption did."""

    actions: tuple[Action, ...]
    kept: tuple[KeptObject, ...]
    adopted: tuple[str, ...]


def find_unmanaged_tables(conn: Connection, available: Sequence[Migration]) -> tuple[str, ...]:
    """Return tables that our files create and that are there already.

    Only files that are one transaction count: the table of another one may be there because its run was killed.
    """
    names = {
        found[1].lower()
        for migration in available
        if migration.transactional
        for statement in migration.statements
        if (found := _CREATED_TABLE.match(statement.text))
    }
    query = "select name from unnest(%s::text[]) as name where to_regclass(name) is not null order by name"
    return tuple(str(row[0]) for row in conn.execute(query, (sorted(names),)))


def read_declared(server: Server, available: Sequence[Migration], folder: Path) -> Declared:
    """Run the adopted files in a scratch database and read what they made."""
    rules = read_legacy_rules()
    migrations = tuple(each for each in available if each.number <= rules.up_to)
    engines = [each.name for each in migrations if each.engine is not None]
    if engines:
        message = f"{engines[0]}.sql declares an engine, which cannot be adopted; lower up_to in legacy.toml"
        raise MigrationFileError(message)
    schemas = ("public", "private") if is_supabase(server.conn) else ("auth", "public", "private")
    with scratch_database(server) as scratch:
        load_migrations(scratch, migrations, read_schema_file(folder))
        shape = read_shape(scratch, schemas)
        seeds = read_seeds(scratch, rules)
        facts = read_fingerprint(scratch, schemas)
    return Declared(migrations, rules, schemas, shape, facts, seeds)


def review(conn: Connection, declared: Declared, *, allow_rewrite: bool) -> AdoptionPlan:
    """Plan everything that is still to do; reads the catalog and scans each declared table once."""
    live = read_shape(conn, declared.schemas)
    after, _ = set_aside_tables(live, declared.rules)
    survey = survey_rows(conn, declared.shape, after, declared.rules)
    plan = plan_adoption(declared.shape, live, declared.rules, survey.facts, refusals=survey.refusals)
    actions = [*plan.actions, *plan_seeds(conn, declared.seeds, live), *plan_copies(conn, declared.rules, live)]
    actions += find_open_doors(conn, tuple(declared.shape.tables))
    actions += find_policies_in_the_way(conn, declared.shape, live)
    refusals = [*plan.refusals]
    if not allow_rewrite:
        refusals += [
            Refusal(
                action.object_name,
                f"{action.because} writes {action.rows} rows anew while nobody can use the table",
                "run again off-peak with --allow-rewrite",
            )
            for action in actions
            if action.rewrites and action.rows > _REWRITE_LIMIT_ROWS
        ]
    return AdoptionPlan(tuple(sorted(actions, key=lambda action: action.step)), tuple(refusals))


def plan_roles(declared: Declared) -> tuple[Action, ...]:
    """Return the anonymous blocks of the adopted files: they make roles, which a scratch database cannot show."""
    return tuple(
        Action(Step.ROLES, migration.name, "its DO blocks make what is missing", (code(statement.text),))
        for migration in declared.migrations
        for statement in migration.statements
        if statement.text[:3].lower() == "do "
    )


def adopt(
    runner: Runner, server: Server, available: Sequence[Migration], *, folder: Path, allow_rewrite: bool
) -> Adoption:
    """Bring the database to the declared shape and write the history of the adopted files.

    Raises:
        AdoptionRefusedError: rows or tables do not fit and nothing was changed, or something is left over.
        LockTimedOutError: a lock was not to be had; what was done stays, a second run goes on there.
    """
    declared = read_declared(server, available, folder)
    refuse(review(runner.conn, declared, allow_rewrite=allow_rewrite))
    done: list[Action] = []
    for action in plan_roles(declared):
        apply_action(runner, action)
    for _ in range(_ROUNDS):
        plan = review(runner.conn, declared, allow_rewrite=allow_rewrite)
        refuse(plan)
        if not plan.actions:
            break
        for action in plan.actions:
            apply_action(runner, action)
        done += plan.actions
    else:
        left = "; ".join(str(action) for action in review(runner.conn, declared, allow_rewrite=True).actions[:5])
        message = f"{_ROUNDS} rounds were not enough, still to do: {left}; somebody changes the schema at the same time"
        raise AdoptionRefusedError(message)
    return Adoption(tuple(done), *_finish(runner, declared))


def refuse(plan: AdoptionPlan) -> None:
    """Raise what stands against an adoption, all of it at once."""
    if plan.refusals:
        told = " | ".join(str(refusal) for refusal in plan.refusals)
        message = f"{len(plan.refusals)} things stand against adopting this database, nothing was changed now: {told}"
        raise AdoptionRefusedError(message)


def _finish(runner: Runner, declared: Declared) -> tuple[tuple[KeptObject, ...], tuple[str, ...]]:
    """Prove every adopted file and write the history in one transaction."""
    live = read_fingerprint(runner.conn, declared.schemas)
    kept = list_kept(declared.facts, live, declared.shape, declared.rules)
    with runner.conn.transaction():
        record_kept(runner.conn, kept)
        for migration in declared.migrations:
            require_verified(runner.conn, migration, "what was adopted stays; correct it and run the adoption again")
            now = runner.clock.now()
            run = Run(migration, started_at=now, finished_at=now, duration_ms=0, lock_wait_ms=0, attempts=1)
            record_run(runner.conn, replace(run, how=How.ADOPTED), git_sha=runner.git_sha)
    return kept, tuple(migration.name for migration in declared.migrations)
