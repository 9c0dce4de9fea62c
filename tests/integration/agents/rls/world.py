"""A small world of people, teams and rows: every kind of access has somebody who has it and somebody who lacks it.

Each row carries a mark in one of its texts, so that a leak is found wherever it shows: a result, a notice, an error.
"""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql

NAMESPACE = uuid.UUID("6f1c9a52-53a1-4d52-9f0e-3d3a5d0f7c11")

A, B, C = "a", "b", "c"
# Person to his role by team. Who is missing belongs to no team.
MEMBERS = {
    "owner": {A: "owner"},
    "admin": {A: "admin"},
    "member": {A: "member"},
    "viewer": {A: "viewer"},
    "creator": {A: "member"},
    "checker": {A: "viewer"},
    "both": {A: "member", C: "viewer"},
    "stranger": {B: "owner"},
    "stranger_member": {B: "member"},
    "c_owner": {C: "owner"},
    "c_member": {C: "member"},
    "c_viewer": {C: "viewer"},
    "removed": {B: "member"},  # was in team A
}
LONERS = ("loner", "reader", "editor", "project_reader")
PEOPLE = (*MEMBERS, *LONERS)
RECEIVERS = {"reader": False, "editor": True}
SERVICE_TABLES = (
    "audit_log",
    "health_reports",
    "backup_catalogue",
    "release_history",
    "feature_flags",
    "feature_flag_overrides",
)
# What an API user may change in a row, written down by hand: the generator is not asked.
UPDATABLE = {
    "projects": {"team_id", "name", "description"},
    "molecules": {"project_id", "team_id", "name", "smiles", "inchikey", "molecular_formula", "cid"},
    "mixtures": {"project_id", "team_id", "name", "description"},
    "experiments": {
        "project_id",
        "team_id",
        "mixture_id",
        "molecule_id",
        "name",
        "protocol",
        "status",
        "performed_at",
    },
    "predictions": {
        "team_id",
        "target",
        "unit",
        "prediction",
        "lower_bound",
        "upper_bound",
        "confidence_level",
        "in_domain",
    },
    "mixture_components": {"amount", "amount_unit"},
    "experiment_properties": {"name", "numeric_value", "text_value", "unit", "uncertainty"},
    "lab_verifications": {"verification_status", "verifier", "equipment_used", "comments"},
    "shared_content": {"can_update"},
    "teams": {"name", "description"},
    "user_team_membership": {"role_id"},
    "user_profiles": {"display_name", "affiliation"},
    "training_jobs": {"model_name", "parameters", "status"},
}
KINDS = ("project", "molecule", "mixture", "experiment")


def make_id(name: str) -> str:
    """The uuid of anything that has a name in this world."""
    return str(uuid.uuid5(NAMESPACE, name))


def mark(table: str, name: str) -> str:
    return f"<<{table}:{name}>>"


@dataclass(frozen=True)
class Row:
    """One planted row; `values` are its columns as text or None."""

    table: str
    name: str
    values: dict[str, Any]

    @property
    def key(self) -> Any:
        return self.values["user_id" if self.table == "user_profiles" else "id"]

    def __getitem__(self, column: str) -> Any:
        return self.values.get(column)


@dataclass
class World:
    """Everything that is planted, by table."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)

    def add(self, table: str, label: str, /, **values: Any) -> None:
        self.rows.setdefault(table, []).append(Row(table, label, values))

    def find(self, table: str, name: str) -> Row:
        return next(row for row in self.rows[table] if row.name == name)

    def by_key(self, table: str, key: Any) -> Row | None:
        return next((row for row in self.rows[table] if str(row.key) == str(key)), None)

    def __iter__(self) -> Iterator[Row]:
        for rows in self.rows.values():
            yield from rows


def build_world() -> World:
    world = World(roles={name: make_id(f"role {name}") for name in ("viewer", "member", "admin", "owner")})
    _people(world)
    _science(world)
    _children(world)
    _shares(world)
    _machinery(world)
    return world


def _people(world: World) -> None:
    for team, by in ((A, "owner"), (B, "stranger"), (C, "c_owner")):
        world.add("teams", team, id=make_id(f"team {team}"), name=mark("teams", team), created_by=make_id(by))
    for person, team, role in ((person, *each) for person, roles in MEMBERS.items() for each in roles.items()):
        world.add(
            "user_team_membership",
            f"{person} in {team}",
            id=make_id(f"membership {person} {team}"),
            user_id=make_id(person),
            team_id=make_id(f"team {team}"),
            role_id=world.roles[role],
            created_by=make_id("owner"),
        )
    for person in PEOPLE:
        if person not in {"loner", "checker"}:
            world.add("user_profiles", person, user_id=make_id(person), display_name=mark("user_profiles", person))


# By name: the team, who created it, and for the placed rows the project.
_PROJECTS = {"pa": (A, "creator"), "pb": (B, "stranger"), "pl": (None, "loner"), "pr": (A, "removed")}
_PROJECTS |= {"pv": (A, "viewer"), "po": (None, "both"), "pc": (C, "c_owner")}
_PLACED = {
    "a1": (A, "creator", "pa"),
    "a2": (A, "creator", None),
    "ar": (A, "removed", None),
    "av": (A, "viewer", None),  # its creator may no longer create
    "bo": (None, "both", None),  # its creator only views in team C
    "am": (None, "member", "pa"),  # private, but attached to the team's project
    "ap": (None, "creator", None),
    "ax": (None, "creator", "pl"),  # private, attached to somebody else's private project
    "c1": (C, "c_owner", None),
    "rd": (None, "reader", None),
    "b1": (B, "stranger", "pb"),
    "bx": (B, "stranger", "pa"),  # another team's row in the shared project
    "l1": (None, "loner", "pl"),
    "l2": (None, "loner", None),
    "r1": (None, "removed", None),
}


def _team(name: str | None) -> str | None:
    return make_id(f"team {name}") if name else None


def _science(world: World) -> None:
    for name, (team, person) in _PROJECTS.items():
        world.add(
            "projects",
            name,
            id=make_id(f"projects {name}"),
            team_id=_team(team),
            name=mark("projects", name),
            created_by=make_id(person),
        )
    for table, extra in (("molecules", {"smiles": "CCO"}), ("mixtures", {})):
        for name, (team, person, project) in _PLACED.items():
            world.add(
                table,
                name,
                id=make_id(f"{table} {name}"),
                project_id=make_id(f"projects {project}") if project else None,
                team_id=_team(team),
                name=mark(table, name),
                created_by=make_id(person),
                **extra,
            )
    for name, (team, person, project) in _PLACED.items():
        world.add(
            "experiments",
            name,
            id=make_id(f"experiments {name}"),
            project_id=make_id(f"projects {project}") if project else None,
            team_id=_team(team),
            # Never of the first row, which must stay free to be deleted.
            mixture_id=make_id("mixtures " + {A: "a2", B: "bx", C: "c1", None: "l2"}[team]),
            name=mark("experiments", name),
            created_by=make_id(person),
        )
    for number, name in enumerate(("a1", "ar", "ap", "b1", "l1", "r1", "av", "bo"), start=1):
        team, person, _ = _PLACED[name]
        world.add(
            "predictions",
            name,
            id=number,
            model_version_id=1,
            team_id=_team(team),
            molecule_id=make_id("molecules " + {A: "a2", B: "b1", None: "l2"}[team]),
            target=mark("predictions", name),
            unit="K",
            prediction=1,
            lower_bound=0,
            upper_bound=2,
            confidence_level=0.9,
            in_domain=True,
            created_by=make_id(person),
        )


def _children(world: World) -> None:
    for name in ("a1", "a2", "ap", "av", "b1", "l1"):
        world.add(
            "mixture_components",
            name,
            id=make_id(f"mixture_components {name}"),
            mixture_id=make_id(f"mixtures {name}"),
            molecule_id=make_id("molecules " + {"a": "ar", "b": "bx", "l": "l2"}[name[0]]),
            amount=1,
            amount_unit="mol/L",
            created_by=make_id(_PLACED[name][1]),
        )
    for number, name in enumerate(("a1", "ap", "b1", "l1", "ar", "av"), start=1):
        person = _PLACED[name][1]
        parent = make_id(f"experiments {name}")
        world.add(
            "experiment_properties",
            name,
            id=number,
            experiment_id=parent,
            name=mark("experiment_properties", name),
            text_value="x",
            created_by=make_id(person),
        )
        world.add(
            "lab_verifications",
            name,
            id=make_id(f"lab_verifications {name}"),
            experiment_id=parent,
            verifier=make_id("checker") if name == "a1" else None,
            comments=mark("lab_verifications", name),
            created_by=make_id(person),
        )


def _shares(world: World) -> None:
    def share(name: str, kind: str, item: str, to: str, by: str | None, *, can_update: bool = False) -> None:
        receiver = "shared_with_team_id" if to.startswith("team ") else "shared_with_user_id"
        values = {f"{kind}_id": make_id(f"{kind}s {item}"), receiver: make_id(to), "can_update": can_update}
        world.add(
            "shared_content",
            name,
            id=make_id(f"shared_content {name}"),
            **values,
            created_by=make_id(by) if by else None,
        )

    for person, can_update in RECEIVERS.items():
        for kind, item in (("project", "pa"), ("molecule", "a1"), ("mixture", "a1"), ("experiment", "a1")):
            share(f"{kind}_to_{person}", kind, item, person, "creator", can_update=can_update)
    share("project_only", "project", "pa", "project_reader", "member")
    share("private_project", "project", "pl", "project_reader", "loner")
    for kind in ("molecule", "mixture", "experiment"):
        share(f"{kind}_to_both", kind, "a2", "both", "creator")
        share(f"{kind}_by_both", kind, "bo", "project_reader", "both")
    share("project_to_both", "project", "pa", "both", "creator")
    share("project_by_both", "project", "po", "project_reader", "both")
    share("to_team_c", "molecule", "a1", "team c", "member", can_update=True)
    share("mixture_by_service", "mixture", "b1", "project_reader", None)
    share("experiment_by_service", "experiment", "b1", "project_reader", None)
    # The row became private after a member shared it; and a row whose creator may only view by now.
    share("of_private", "molecule", "ap", "loner", "member")
    share("private_to_update", "molecule", "ap", "c_member", "creator", can_update=True)
    share("of_demoted", "molecule", "av", "loner", "member")
    # Prepared before he was removed; worth nothing now.
    share("by_removed", "molecule", "a2", "loner", "removed", can_update=True)
    share("own_by_removed", "molecule", "ar", "loner", "removed", can_update=True)
    share("project_by_removed", "project", "pr", "removed", "removed")


def _machinery(world: World) -> None:
    for number, person in enumerate(("creator", "loner", "stranger", "removed"), start=1):
        world.add(
            "training_jobs", person, id=number, model_name=mark("training_jobs", person), created_by=make_id(person)
        )
    for name, role in world.roles.items():
        world.add("team_roles", name, id=role, name=name)
    for number in (1, 2):
        values = {"name": "tg", "version": str(number), "unit": "K", "digest": "sha256:" + "0" * 64, "card": "{}"}
        world.add("model_versions", f"v{number}", id=number, **values)
    world.add("audit_log", "x", id=1, action=mark("audit_log", "x"))
    world.add(
        "health_reports",
        "x",
        id=1,
        profile="quick",
        status="ok",
        duration_ms=1,
        report=json.dumps({"x": mark("health_reports", "x")}),
    )
    when = "2026-01-01T00:00:00Z"
    world.add(
        "backup_catalogue",
        "x",
        id=1,
        label=mark("backup_catalogue", "x"),
        kind="full",
        status="done",
        started_at=when,
    )
    world.add(
        "release_history",
        "x",
        id=1,
        release_id=mark("release_history", "x"),
        app="x",
        to_colour="blue",
        to_version="1",
        phase="x",
        started_at=when,
    )
    world.add("feature_flags", "x", id=1, name="x", description=mark("feature_flags", "x"))
    world.add(
        "feature_flag_overrides",
        "x",
        id=1,
        flag_id=1,
        team_id=make_id("team a"),
        enabled=True,
        reason=mark("feature_flag_overrides", "x"),
    )


# Parents before children.
_ORDER = (
    "team_roles",
    "model_versions",
    "teams",
    "user_team_membership",
    "user_profiles",
    "projects",
    "molecules",
    "mixtures",
    "experiments",
    "predictions",
    "mixture_components",
    "experiment_properties",
    "lab_verifications",
    "shared_content",
    "training_jobs",
    *SERVICE_TABLES,
)


def plant(conn: psycopg.Connection, world: World) -> None:
    """Write the world into an empty database, as the superuser."""
    # The audit of flags writes by itself; its ids must not meet the planted ones.
    for table in _ORDER:
        conn.execute(
            sql.SQL(
                "select setval(pg_get_serial_sequence({}, 'id'), 1000) "
                "where exists (select from information_schema.columns where table_schema = 'public' "
                "and table_name = {} and column_name = 'id' and is_identity = 'YES')"
            ).format(sql.Literal(f"public.{table}"), sql.Literal(table))
        )
    conn.execute("delete from public.team_roles where not exists (select from public.user_team_membership)")
    columns = ("can_view", "can_create", "can_update", "can_delete", "can_manage_members")
    columns += ("can_view_verifications", "can_update_verifications")
    rights = {"viewer": (1, 0, 0, 0, 0, 1, 0), "member": (1, 1, 1, 0, 0, 1, 1), "admin": (1,) * 7, "owner": (1,) * 7}
    for person in PEOPLE:
        conn.execute("insert into auth.users (id, email) values (%s, %s)", (make_id(person), person))
    # A new team makes its creator owner; here the memberships are planted with known ids.
    conn.execute("alter table public.teams disable trigger user")
    for table in _ORDER:
        for row in world.rows[table]:
            values = dict(row.values)
            if table == "team_roles":
                values |= {key: bool(value) for key, value in zip(columns, rights[row.name], strict=True)}
            conn.execute(
                sql.SQL("insert into public.{} ({}) overriding system value values ({})").format(
                    sql.Identifier(table),
                    sql.SQL(", ").join(map(sql.Identifier, values)),
                    sql.SQL(", ").join(sql.Placeholder() * len(values)),
                ),
                list(values.values()),
            )
    conn.execute("alter table public.teams enable trigger user")
    # The audit of flags has written of its own.
    conn.execute("delete from public.audit_log where id <> 1")
