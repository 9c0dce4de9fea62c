"""Who may do what in the planted world, said once more by hand and in another language than the policies."""

# ruff: noqa: PLR0911 - one return per rule reads as the table of rules that it is

from collections.abc import Mapping
from typing import Any

from world import KINDS, MEMBERS, UPDATABLE, Row, World, make_id

_NAMES = {make_id(person): person for person in MEMBERS}
_TEAMS = {make_id(f"team {team}"): team for team in "abc"}
_RANK = ("viewer", "member", "admin", "owner")
_CAN = {
    "view": set(_RANK),
    "view_verifications": set(_RANK),
    "create": {"member", "admin", "owner"},
    "update": {"member", "admin", "owner"},
    "update_verifications": {"member", "admin", "owner"},
    "delete": {"admin", "owner"},
    "manage_members": {"admin", "owner"},
    "own": {"owner"},
}
_TEAM_TABLES = {
    "projects": "project",
    "molecules": "molecule",
    "mixtures": "mixture",
    "experiments": "experiment",
    "predictions": "",
}
_PARENT = {
    "mixture_components": ("mixtures", "mixture_id"),
    "experiment_properties": ("experiments", "experiment_id"),
    "lab_verifications": ("experiments", "experiment_id"),
}
_REFERENCES = {
    "project_id": "projects",
    "molecule_id": "molecules",
    "mixture_id": "mixtures",
    "shared_with_team_id": "teams",
}
# A user id, or None for somebody without one.
Who = str | None
Values = Mapping[str, Any]


class Oracle:
    """Answers for one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.lacking: frozenset[tuple[str, str]] = frozenset()
        """Permissions taken from a role for a while; roles are data."""

    def role(self, who: Who, team: Any) -> str | None:
        return MEMBERS.get(_NAMES.get(str(who), ""), {}).get(_TEAMS.get(str(team), ""))

    def can(self, who: Who, team: Any, permission: str) -> bool:
        role = self.role(who, team)
        return role in _CAN[permission] and (role, permission) not in self.lacking

    def _in_place(self, who: Who, row: Values | Row) -> bool:
        return (
            who is not None
            and str(row["created_by"]) == who
            and (row["team_id"] is None or self.can(who, row["team_id"], "create"))
        )

    def _holds(self, who: Who, row: Values | Row, permission: str) -> bool:
        return self._in_place(who, row) or self.can(who, row["team_id"], permission)

    def _shared(self, who: Who, kind: str, row: Values | Row, permission: str) -> bool:
        for share in self._world.rows["shared_content"]:
            if share[f"{kind}_id"] is None or str(share[f"{kind}_id"]) != str(row["id"]):
                continue
            receives = who is not None and (
                share["shared_with_user_id"] == who or self.can(who, share["shared_with_team_id"], permission)
            )
            item = self._world.by_key(f"{kind}s", row["id"])
            sharer = share["created_by"]
            holds = item is not None and (sharer is None or self._holds(sharer, item, "update"))
            if receives and holds and (permission == "view" or share["can_update"]):
                return True
        return False

    def sees(self, who: Who, row: Row) -> bool:
        """Whether a SELECT of this user returns the row."""
        table = row.table
        if who is None:
            return False
        if table in _TEAM_TABLES:
            return self._sees_team_row(who, row)
        if table == "lab_verifications":
            parent = self._parent(row)
            return self.sees(who, parent) and (row["verifier"] == who or self._holds(who, parent, "view_verifications"))
        if table in _PARENT:
            return self.sees(who, self._parent(row))
        return self._sees_other(who, row)

    def _sees_team_row(self, who: str, row: Row) -> bool:
        kind = _TEAM_TABLES[row.table]
        if row["created_by"] == who or self.can(who, row["team_id"], "view"):
            return True
        if kind and self._shared(who, kind, row, "view"):
            return True
        project = self._world.by_key("projects", row["project_id"]) if row["project_id"] else None
        return (
            project is not None
            and self._shared(who, "project", project, "view")
            and (project["team_id"] or project["created_by"]) == (row["team_id"] or row["created_by"])
        )

    def _sees_other(self, who: str, row: Row) -> bool:
        match row.table:
            case "teams":
                return row["created_by"] == who or self.can(who, row["id"], "view")
            case "user_team_membership":
                return row["user_id"] == who or self.can(who, row["team_id"], "view")
            case "user_profiles":
                return row["user_id"] == who or self._are_teammates(who, row["user_id"])
            case "training_jobs":
                return bool(row["created_by"] == who)
            case "team_roles" | "model_versions":
                return True
            case "shared_content":
                return (
                    who in {row["created_by"], row["shared_with_user_id"]}
                    or self.can(who, row["shared_with_team_id"], "view")
                    or self._may_share(who, row)
                )
        return False

    def _are_teammates(self, one: str, other: str) -> bool:
        teams = [set(MEMBERS.get(_NAMES.get(each, ""), {})) for each in (one, other)]
        return not teams[0].isdisjoint(teams[1])

    def _parent(self, row: Row | Values, table: str | None = None) -> Row:
        parent_table, key = _PARENT[table or row.table]
        found = self._world.by_key(parent_table, row[key])
        assert found is not None
        return found

    def _may_share(self, who: Who, row: Row | Values) -> bool:
        items = [self._world.by_key(f"{kind}s", row[f"{kind}_id"]) for kind in KINDS if row[f"{kind}_id"] is not None]
        return len(items) == 1 and items[0] is not None and self._holds(who, items[0], "update")

    def changes(self, who: Who, row: Row) -> bool:
        """Whether an UPDATE of this user reaches the row at all."""
        table = row.table
        if who is None:
            return False
        if table in _TEAM_TABLES:
            kind = _TEAM_TABLES[table]
            return self._holds(who, row, "update") or bool(kind and self._shared(who, kind, row, "update"))
        if table == "lab_verifications":
            parent = self._parent(row)
            return self.sees(who, parent) and (
                row["verifier"] == who or self._holds(who, parent, "update_verifications")
            )
        if table in _PARENT:
            return self.changes(who, self._parent(row))
        match table:
            case "teams":
                return self.can(who, row["id"], "manage_members")
            case "user_team_membership":
                return row["user_id"] != who and self._may_grant(who, row["team_id"], row["role_id"])
            case "user_profiles":
                return bool(row["user_id"] == who)
            case "training_jobs":
                return bool(row["created_by"] == who)
            case "shared_content":
                return self._may_share(who, row)
        return False

    def may_turn_into(self, who: Who, row: Row, after: Values, *, changed: set[str]) -> bool:
        """Whether this user may give the row these values in the changed columns."""
        if not self.changes(who, row) or not changed <= UPDATABLE.get(row.table, set()):
            return False
        if row.table == "user_team_membership":
            return self._may_grant(who, row["team_id"], after["role_id"])
        if row.table == "lab_verifications":  # a verifier cannot name another in his place
            return self.changes(who, Row(row.table, row.name, dict(after)))
        if "team_id" in changed and not (
            (self._in_place(who, row) or self.can(who, row["team_id"], "delete"))
            and (after["team_id"] is None or self.can(who, after["team_id"], "create"))
        ):
            return False
        if "project_id" in changed and not self._holds(who, row, "update"):
            return False
        return all(
            after[column] is None or self._sees_key(who, _REFERENCES[column], after[column])
            for column in changed & set(_REFERENCES)
        )

    def _sees_key(self, who: Who, table: str, key: Any) -> bool:
        found = self._world.by_key(table, key)
        return found is not None and self.sees(who, found)

    def _may_grant(self, who: Who, team: Any, role_id: Any) -> bool:
        mine = self.role(who, team)
        wanted = next((name for name, key in self._world.roles.items() if key == str(role_id)), None)
        return mine in _CAN["manage_members"] and wanted is not None and _RANK.index(wanted) <= _RANK.index(str(mine))

    def deletes(self, who: Who, row: Row) -> bool:
        """Whether a DELETE of this user reaches the row."""
        table = row.table
        if table in _TEAM_TABLES:
            return self._holds(who, row, "delete")
        if table == "lab_verifications":
            return self._holds(who, self._parent(row), "update_verifications")
        if table == "teams":
            return self.can(who, row["id"], "own")
        if table == "user_team_membership":
            return row["user_id"] == who or self._may_grant(who, row["team_id"], row["role_id"])
        if table == "shared_content":
            return row["created_by"] == who or self._may_share(who, row)
        return table in UPDATABLE and self.changes(who, row)

    def inserts(self, who: Who, table: str, row: Values) -> bool:
        """Whether this user may add a row with these values."""
        if who is None or table not in UPDATABLE:
            return False
        if table == "user_profiles":
            return bool(row["user_id"] == who)
        if row.get("created_by") != who:
            return False
        refers = all(
            row.get(column) is None or self._sees_key(who, target, row[column])
            for column, target in _REFERENCES.items()
            if table != "shared_content" or column == "shared_with_team_id"
        )
        if table in _TEAM_TABLES:
            return refers and self._in_place(who, row)
        if table == "lab_verifications":
            return self._holds(who, self._parent(row, table), "update_verifications") and refers
        if table in _PARENT:
            return self.changes(who, self._parent(row, table)) and refers
        if table == "user_team_membership":
            return row["user_id"] != who and self._may_grant(who, row["team_id"], row["role_id"])
        return table != "shared_content" or (self._may_share(who, row) and refers)
