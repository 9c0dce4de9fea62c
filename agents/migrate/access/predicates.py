"""From a table's rule to the five predicates of its four policies; pure.

Shape for speed: `(select auth.uid())` and `array(select private.f())` are evaluated once per query (InitPlans), and
`column = any (array)` uses an index, so that an OR of them becomes a BitmapOr. Parts that need the row stand last.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from agents.migrate.access.declaration import Rule, Table

ME = "(select auth.uid())"
NOBODY = "false"
_INDENT = "    "


@dataclass(frozen=True, slots=True)
class Join:
    """Parts joined by one word."""

    word: str
    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Exists:
    """A row of another table that fulfils a condition; read under the caller's own policies."""

    table: str
    alias: str
    condition: "Condition"


Condition = str | Join | Exists


@dataclass(frozen=True, slots=True)
class Predicates:
    """What each command asks; update has the row as it was and the row as it becomes."""

    select: Condition
    insert: Condition
    update_using: Condition
    update_check: Condition
    delete: Condition


def any_of(*parts: Condition) -> Condition:
    """One of them holds."""
    return _join("or", parts)


def all_of(*parts: Condition) -> Condition:
    """Each of them holds."""
    return _join("and", parts)


def render(condition: Condition, depth: int) -> str:
    """Write a condition with one part per line, indented by its depth."""
    pad = _INDENT * depth
    if isinstance(condition, str):
        return pad + condition.replace("\n", "\n" + pad)
    if isinstance(condition, Exists):
        where = render(condition.condition, depth + 2).lstrip()
        head = f"{pad}exists (\n{pad}{_INDENT}select from public.{condition.table} as {condition.alias}\n"
        return f"{head}{pad}{_INDENT}where {where}\n{pad})"
    lines = []
    for index, part in enumerate(condition.parts):
        lead = f"{condition.word} " if index else ""
        body = f"(\n{render(part, depth + 1)}\n{pad})" if isinstance(part, Join) else render(part, depth).lstrip()
        lines.append(f"{pad}{lead}{body}")
    return "\n".join(lines)


def derive_predicates(table: Table) -> Predicates:
    """Return the predicates that a table's rule stands for."""
    return _RULES[table.rule](table)


def _join(word: str, parts: tuple[Condition, ...]) -> Condition:
    flat = tuple(
        inner for part in parts for inner in (part.parts if isinstance(part, Join) and part.word == word else (part,))
    )
    return flat[0] if len(flat) == 1 else Join(word, flat)


def _in_team(permission: str, of: str = "") -> str:
    return f"{of}team_id = any (array(select private.my_teams('{permission}')))"


def _created(of: str = "") -> str:
    return f"{of}created_by = {ME}"


def _shared(kind: str, permission: str, of: str = "") -> str:
    return f"{of}id = any (array(select private.my_shared('{kind}', '{permission}')))"


def _owned_in_place(of: str = "") -> Condition:
    """Created by the caller, in a place where he may still create."""
    return all_of(_created(of), any_of(f"{of}team_id is null", _in_team("create", of)))


def _held(permission: str, of: str = "") -> Condition:
    return any_of(_owned_in_place(of), _in_team(permission, of))


def _visible(table: Table) -> tuple[Condition, ...]:
    """Name only rows that the caller sees: the sub-select runs under his own policies."""
    return tuple(
        any_of(
            f"{table.name}.{column} is null",
            Exists(target, "target", f"target.id = {table.name}.{column}"),
        )
        for column, target in table.references.items()
    )


def _team(table: Table) -> Predicates:
    sees: tuple[Condition, ...] = (_created(), _in_team("view"))
    changes: tuple[Condition, ...] = (_held("update"),)
    if table.shared_as:
        sees += (_shared(table.shared_as, "view"),)
        changes += (_shared(table.shared_as, "update"),)
    if table.in_project:
        sees += (
            all_of(
                "project_id = any (array(select opened.project_id from private.my_shared_projects() as opened))",
                "(project_id, coalesce(team_id, created_by)) in (\n"
                "    select opened.project_id, opened.holder_id from private.my_shared_projects() as opened\n"
                ")",
            ),
        )
    changed = any_of(*changes)
    return Predicates(
        select=any_of(*sees),
        insert=all_of(_owned_in_place(), *_visible(table)),
        update_using=changed,
        update_check=changed,
        delete=_held("delete"),
    )


def _child(table: Table) -> Predicates:
    link = f"parent.id = {table.name}.{table.parent_key}"
    changeable = any_of(_held("update", "parent."), _shared(table.parent_shared_as, "update", "parent."))
    changes = Exists(table.parent, "parent", all_of(link, changeable))
    return Predicates(
        select=Exists(table.parent, "parent", link),
        insert=all_of(_created(), changes, *_visible(table)),
        update_using=changes,
        update_check=changes,
        delete=changes,
    )


def _verification(table: Table) -> Predicates:
    link = f"parent.id = {table.name}.{table.parent_key}"
    verifies = f"{table.name}.verifier = {ME}"
    manages = _held("update_verifications", "parent.")
    sees = any_of(verifies, _held("view_verifications", "parent."))
    updates = Exists(table.parent, "parent", all_of(link, any_of(verifies, manages)))
    return Predicates(
        select=Exists(table.parent, "parent", all_of(link, sees)),
        insert=all_of(_created(), Exists(table.parent, "parent", all_of(link, manages))),
        update_using=updates,
        update_check=updates,
        delete=Exists(table.parent, "parent", all_of(link, manages)),
    )


def _teams(_: Table) -> Predicates:
    manages = "id = any (array(select private.my_teams('manage_members')))"
    return Predicates(
        # The creator sees the row itself, or INSERT ... RETURNING would fail before he is a member.
        select=any_of(_created(), "id = any (array(select private.my_teams('view')))"),
        insert=_created(),
        update_using=manages,
        update_check=manages,
        delete="id = any (array(select private.my_teams('own')))",
    )


def _membership(_: Table) -> Predicates:
    grants = "(team_id, role_id) in (select allowed.team_id, allowed.role_id from private.my_grants() as allowed)"
    others = f"user_id <> {ME}"
    return Predicates(
        select=any_of(f"user_id = {ME}", _in_team("view")),
        insert=all_of(_created(), others, grants),
        update_using=all_of(others, grants),
        update_check=all_of(others, grants),
        delete=any_of(f"user_id = {ME}", grants),
    )


def _share(table: Table) -> Predicates:
    kinds = ("project", "molecule", "mixture", "experiment")
    items = {
        f"{table.name}.{kind}_id": Exists(
            f"{kind}s", "item", all_of(f"item.id = {table.name}.{kind}_id", _held("update", "item."))
        )
        for kind in kinds
    }
    may_share = all_of(*(any_of(f"{column} is null", exists) for column, exists in items.items()))
    # The same question about shares that are there: one call that plans once, instead of four sub-selects per row.
    controlled = "id = any (array(select private.my_controlled_shares()))"
    return Predicates(
        select=any_of(
            _created(),
            f"shared_with_user_id = {ME}",
            "shared_with_team_id = any (array(select private.my_teams('view')))",
            controlled,
        ),
        insert=all_of(_created(), may_share, *_visible(table)),
        update_using=controlled,
        update_check=may_share,
        delete=any_of(_created(), controlled),
    )


def _profile(_: Table) -> Predicates:
    mine = f"user_id = {ME}"
    return Predicates(any_of(mine, "user_id = any (array(select private.my_teammates()))"), mine, mine, mine, mine)


def _owner(_: Table) -> Predicates:
    return Predicates(_created(), _created(), _created(), _created(), _created())


def _reference(_: Table) -> Predicates:
    return Predicates(f"{ME} is not null", NOBODY, NOBODY, NOBODY, NOBODY)


def _service(_: Table) -> Predicates:
    return Predicates(NOBODY, NOBODY, NOBODY, NOBODY, NOBODY)


_RULES: Mapping[Rule, Callable[[Table], Predicates]] = {
    Rule.TEAM: _team,
    Rule.CHILD: _child,
    Rule.VERIFICATION: _verification,
    Rule.TEAMS: _teams,
    Rule.MEMBERSHIP: _membership,
    Rule.SHARE: _share,
    Rule.PROFILE: _profile,
    Rule.OWNER: _owner,
    Rule.REFERENCE: _reference,
    Rule.SERVICE: _service,
}
