"""The matrix role x table x command for one row of team A, written by hand.

Each line names who succeeds; everybody else must be refused. The statement of a cell is the same for all, and the
service role must succeed with it, so that a refusal is never due to a broken statement.
"""

# ruff: noqa: S608 - statements are made of our own words; whole statements are what is tested

from dataclasses import dataclass

from caller import ANON, SERVICE, Outcome
from psycopg import errors as pg
from world import make_id

ROLES = (
    ANON,
    "stranger",
    "viewer",
    "member",
    "admin",
    "owner",
    "creator",
    "reader",
    "editor",
    "project_reader",
    "removed",
    SERVICE,
)
_TEAM = "viewer member admin owner creator"
_WRITERS = "member admin owner creator"
_ADMINS = "admin owner"
_NOBODY = ""
_SIGNED_IN = "stranger viewer member admin owner creator reader editor project_reader removed"


@dataclass(frozen=True)
class Cell:
    """One table and command: what is tried, and who of ROLES may (the service role always may)."""

    table: str
    command: str
    sql: str
    allowed: frozenset[str]


def passed(cell: Cell, outcome: Outcome) -> bool:
    """Whether the statement of a cell was let through."""
    # A role that memberships name cannot be deleted by anybody; reaching that refusal is passing the policies.
    if (cell.table, cell.command) == ("team_roles", "delete") and isinstance(outcome.error, pg.ForeignKeyViolation):
        return True
    return outcome.error is None and outcome.rowcount == 1


def _id(name: str) -> str:
    return f"'{make_id(name)}'"


def _cells(table: str, key: str, change: str, add: str, who: tuple[str, str, str, str]) -> list[Cell]:
    statements = (
        ("select", f"select 1 from public.{table} where {key}"),
        ("insert", f"insert into public.{table} {add}"),
        ("update", f"update public.{table} set {change} where {key}"),
        ("delete", f"delete from public.{table} where {key}"),
    )
    return [
        Cell(table, command, sql, frozenset(allowed.split()) | {SERVICE})
        for (command, sql), allowed in zip(statements, who, strict=True)
    ]


def build_matrix() -> list[Cell]:
    team, project = _id("team a"), _id("projects pa")
    seen = f"{_TEAM} reader editor"
    placed = f"{seen} project_reader"
    edited = f"{_WRITERS} editor"
    owned = f"{_ADMINS} creator"
    a1 = {table: f"id = {_id(f'{table} a1')}" for table in ("molecules", "mixtures", "experiments")}
    return [
        *_cells(
            "projects",
            f"id = {project}",
            "description = 'x'",
            f"(team_id, name) values ({team}, 'x')",
            (placed, _WRITERS, edited, owned),
        ),
        *_cells(
            "molecules",
            a1["molecules"],
            "molecular_formula = 'x'",
            f"(team_id, project_id, name, smiles) values ({team}, {project}, 'x', 'C')",
            (placed, _WRITERS, edited, owned),
        ),
        *_cells(
            "mixtures",
            a1["mixtures"],
            "description = 'x'",
            f"(team_id, project_id, name) values ({team}, {project}, 'x')",
            (placed, _WRITERS, edited, owned),
        ),
        *_cells(
            "experiments",
            a1["experiments"],
            "protocol = 'x'",
            f"(team_id, project_id, mixture_id, name) values ({team}, {project}, {_id('mixtures a1')}, 'x')",
            (placed, _WRITERS, edited, owned),
        ),
        *_cells(
            "predictions",
            "id = 1",
            "in_domain = false",
            "(model_version_id, team_id, molecule_id, target, unit, prediction, lower_bound, upper_bound, "
            f"confidence_level, in_domain) values (1, {team}, {_id('molecules a1')}, 'x', 'K', 1, 0, 2, 0.9, true)",
            (_TEAM, _WRITERS, _WRITERS, owned),
        ),
        *_cells(
            "mixture_components",
            f"id = {_id('mixture_components a1')}",
            "amount = 2",
            "(mixture_id, molecule_id, amount, amount_unit) "
            f"values ({_id('mixtures a1')}, {_id('molecules a1')}, 1, 'mol/L')",
            (placed, edited, edited, edited),
        ),
        *_cells(
            "experiment_properties",
            "id = 1",
            "text_value = 'y'",
            f"(experiment_id, name, text_value) values ({_id('experiments a1')}, 'x', 'x')",
            (placed, edited, edited, edited),
        ),
        # A share opens the experiment, not what its team says about it.
        *_cells(
            "lab_verifications",
            f"id = {_id('lab_verifications a1')}",
            "verification_status = 'verified'",
            f"(experiment_id) values ({_id('experiments a1')})",
            (_TEAM, _WRITERS, _WRITERS, _WRITERS),
        ),
        # The row itself is a share with `reader`; `editor` may change the molecule but not hand it on.
        *_cells(
            "shared_content",
            f"id = {_id('shared_content molecule_to_reader')}",
            "can_update = true",
            f"(molecule_id, shared_with_user_id) values ({_id('molecules a1')}, {_id('loner')})",
            (f"{_WRITERS} reader", _WRITERS, _WRITERS, _WRITERS),
        ),
        *_cells(
            "teams", f"id = {team}", "description = 'x'", "(name) values ('x')", (_TEAM, _SIGNED_IN, _ADMINS, "owner")
        ),
        *_cells(
            "user_team_membership",
            f"id = {_id('membership checker a')}",
            f"role_id = {_id('role member')}",
            f"(user_id, team_id, role_id) values ({_id('loner')}, {team}, {_id('role member')})",
            (_TEAM, _ADMINS, _ADMINS, _ADMINS),
        ),
        *_cells(
            "user_profiles",
            f"user_id = {_id('creator')}",
            "affiliation = 'x'",
            f"(user_id, display_name) values ({_id('checker')}, 'x')",
            (_TEAM, _NOBODY, "creator", "creator"),
        ),
        *_cells(
            "training_jobs",
            "id = 1",
            "status = 'cancelled'",
            "(model_name) values ('x')",
            ("creator", _SIGNED_IN, "creator", "creator"),
        ),
        *_cells(
            "team_roles",
            f"id = {_id('role owner')}",
            "can_view = true",
            "(name) values ('viewer') on conflict (name) do update set can_view = true",
            (_SIGNED_IN, _NOBODY, _NOBODY, _NOBODY),
        ),
        *_cells(
            "model_versions",
            "id = 2",
            "unit = 'C'",
            "(name, version, unit, digest, card) values ('x', '1', 'K', 'sha256:' || repeat('0', 64), '{}')",
            (_SIGNED_IN, _NOBODY, _NOBODY, _NOBODY),
        ),
        *_service_cells(),
    ]


def _service_cells() -> list[Cell]:
    nobody = (_NOBODY,) * 4
    now = "'2026-01-01T00:00:00Z'"
    return [
        *_cells("audit_log", "id = 1", "reason = 'x'", "(action) values ('x')", nobody),
        *_cells(
            "health_reports",
            "id = 1",
            "status = 'warn'",
            "(profile, status, duration_ms, report) values ('quick', 'ok', 1, '{}')",
            nobody,
        ),
        *_cells(
            "backup_catalogue",
            "id = 1",
            "status = 'failed'",
            f"(label, kind, status, started_at) values ('x', 'full', 'done', {now})",
            nobody,
        ),
        *_cells(
            "release_history",
            "id = 1",
            "phase = 'y'",
            f"(release_id, app, to_colour, to_version, phase, started_at) values ('x', 'x', 'blue', '1', 'x', {now})",
            nobody,
        ),
        *_cells("feature_flags", "id = 1", "enabled = true", "(name) values ('y')", nobody),
        *_cells(
            "feature_flag_overrides",
            "id = 1",
            "enabled = false",
            f"(flag_id, user_id, enabled, reason) values (1, {_id('loner')}, true, 'x')",
            nobody,
        ),
    ]
