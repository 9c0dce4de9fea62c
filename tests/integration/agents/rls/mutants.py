"""Breaks the generated policies as a hand might: one mutant is one change of a policy, grant, trigger or function."""

# ruff: noqa: S608 - statements are made of our own words; whole statements are what is tested

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from agents.migrate.access.declaration import Rule, Table
from agents.migrate.access.files import CALLED_BY_POLICIES, load_function_sql
from agents.migrate.access.policies import table_triggers
from agents.migrate.access.predicates import Condition, Exists, Join, Predicates, derive_predicates, render

# Slot of Predicates to (command, clause).
SLOTS = {
    "select": ("select", "using"),
    "insert": ("insert", "with check"),
    "update_using": ("update", "using"),
    "update_check": ("update", "with check"),
    "delete": ("delete", "using"),
}
# A permission to one that more people have.
_WEAKER = (
    ("my_teams('create')", "my_teams('view')"),
    ("my_teams('update')", "my_teams('view')"),
    ("my_teams('delete')", "my_teams('update')"),
    ("my_teams('manage_members')", "my_teams('view')"),
    ("my_teams('own')", "my_teams('manage_members')"),
    ("my_teams('update_verifications')", "my_teams('view_verifications')"),
    ("'update')))", "'view')))"),
    ("created_by = (select auth.uid())", "created_by is not null"),
    ("user_id = (select auth.uid())", "user_id is not null"),
    ("user_id <> (select auth.uid())", "true"),
    ("verifier = (select auth.uid())", "verifier is not null"),
)
# Function to changes of its text.
_IN_FUNCTIONS = {
    "my_teams": (
        ("where membership.user_id = (select auth.uid())\n        and", "where"),
        ("when 'create' then role.can_create", "when 'create' then role.can_view"),
        ("when 'update' then role.can_update", "when 'update' then role.can_view"),
        ("when 'delete' then role.can_delete", "when 'delete' then role.can_update"),
        ("when 'manage_members' then role.can_manage_members", "when 'manage_members' then role.can_update"),
        ("role.can_manage_members and role.name = 'owner'", "role.can_manage_members"),
        ("role.can_update_verifications", "role.can_view_verifications"),
    ),
    "share_holds": (
        ("if sharer is null then\n        return true", "if sharer is null then\n        return false"),
        ("coalesce(sharer = item_owner, false)", "true"),
        ("where membership.user_id = sharer\n            and", "where"),
        ("            and membership.team_id = item_team\n", ""),
        ("            and (role.can_update or (role.can_create and sharer = item_owner))\n", ""),
        ("return exists (", "return true or exists ("),
    ),
    "my_shared": (
        ("case permission when 'update' then 'update' else 'view' end", "'view'"),
        ("share.shared_with_user_id = me or ", "share.shared_with_user_id is not null or "),
        ("share.shared_with_team_id = any (teams)", "share.shared_with_team_id is not null"),
        ("share.shared_with_user_id = me or ", ""),
        (" or share.shared_with_team_id = any (teams)", ""),
        ("permission = 'update' and share.can_update", "permission = 'update'"),
        ("\n                and private.share_holds(share.created_by, item.team_id, item.created_by)", ""),
    ),
    "my_shared_projects": (
        ("coalesce(item.team_id, item.created_by)", "item.created_by"),
        ("coalesce(item.team_id, item.created_by)", "item.team_id"),
        ("\n    where item.id in (select private.my_shared('project', 'view'))", ""),
    ),
    "my_controlled_shares": (
        ("array(select private.my_teams('update'))", "array(select private.my_teams('view'))"),
        ("array(select private.my_teams('create'))", "array(select private.my_teams('view'))"),
        ("item.created_by = me and ", ""),
        (" and (item.team_id is null or item.team_id = any (create_teams))", ""),
        ("\n        or (item.created_by = me and (item.team_id is null or item.team_id = any (create_teams)))", ""),
    ),
    "my_grants": (
        (" and mine.can_manage_members", ""),
        ("private.role_rank(granted.name) <= private.role_rank(mine.name)", "true"),
        ("\n    where membership.user_id = (select auth.uid())", ""),
    ),
    "role_rank": (("'admin', 'owner'", "'owner', 'admin'"),),
    "my_teammates": (("\n    where membership.team_id in (select private.my_teams('view'))", ""),),
    "keep_created_by": (("if row_security_active(tg_relid) then", "if false then"),),
    "keep_place": (
        ("if not row_security_active(tg_relid) then", "if true then"),
        ("old.team_id in (select private.my_teams(permission))\n        or ", ""),
        ("old.created_by = me and (old.team_id is null", "(old.team_id is null"),
        (" and (old.team_id is null or old.team_id in (select private.my_teams('create')))", ""),
        ("and new.team_id not in (select private.my_teams('create'))", "and false"),
        (
            "and new.team_id not in (select private.my_teams('create'))",
            "and new.team_id not in (select private.my_teams('view'))",
        ),
    ),
    "keep_reference_visible": (("if not is_visible then", "if false then"),),
    "own_new_team": (("where role.name = 'owner'", "where role.name = 'viewer'"),),
    "keep_last_owner": (
        ("if old.role_id is distinct from owner_role then", "if true then"),
        ("and role_id = owner_role", ""),
    ),
}


@dataclass(frozen=True)
class Mutant:
    """SQL that breaks one thing; `table` says where to look first."""

    name: str
    table: str
    sql: str
    command: str = ""
    """The command whose policy it breaks, where it is one."""


def make_mutants(tables: tuple[Table, ...]) -> list[Mutant]:
    found = [mutant for table in tables for mutant in (*_of_policies(table), *_of_table(table))]
    return [*found, *_of_functions()]


def _of_policies(table: Table) -> Iterator[Mutant]:
    predicates = derive_predicates(table)
    for slot, (command, clause) in SLOTS.items():
        policy = f"{table.name}_{command}"
        for what, condition in _broken(getattr(predicates, slot)):
            yield Mutant(
                f"{policy} {clause}: {what}",
                table.name,
                f"alter policy {policy} on public.{table.name} {clause} (\n{render(condition, 1)}\n)",
                command,
            )
    for command in ("select", "insert", "update", "delete"):
        policy, on = f"{table.name}_{command}", f"on public.{table.name}"
        yield Mutant(f"{policy} dropped", table.name, f"drop policy {policy} {on}")
        yield Mutant(f"{policy} to public", table.name, f"alter policy {policy} {on} to public", command)
        to_anon = f"alter policy {policy} {on} to authenticated, anon"
        yield Mutant(f"{policy} to anon too", table.name, to_anon, command)
        yield Mutant(f"{policy} for all", table.name, _for_all(table, command, predicates), "delete")
    yield Mutant(
        f"{table.name}: a second, open policy", table.name, f"create policy more on public.{table.name} using (true)"
    )
    using = render(predicates.update_using, 1)
    yield Mutant(
        f"{table.name}_update without its own check",
        table.name,
        f"drop policy {table.name}_update on public.{table.name}; create policy {table.name}_update on "
        f"public.{table.name} for update to authenticated using (\n{using}\n)",
        "update",
    )


def _for_all(table: Table, command: str, predicates: Predicates) -> str:
    """FOR ALL where one command was meant; the others are opened by it."""
    slot = "update_using" if command == "update" else command
    condition = render(getattr(predicates, slot), 1)
    name = f"{table.name}_{command}"
    return (
        f"drop policy {name} on public.{table.name}; create policy {name} on public.{table.name} "
        f"for all to authenticated using (\n{condition}\n)"
    )


def _broken(condition: Condition) -> Iterator[tuple[str, Condition]]:
    if condition != "true":
        yield "true", "true"
    yield from _parts_broken(condition)


def _parts_broken(condition: Condition) -> Iterator[tuple[str, Condition]]:
    """Each way to drop one part, to swap `and` with `or`, or to weaken one leaf."""
    match condition:
        case Join():
            for index, part in enumerate(condition.parts):
                rest = condition.parts[:index] + condition.parts[index + 1 :]
                kept = rest[0] if len(rest) == 1 else Join(condition.word, rest)
                yield f"without {_short(part)}", kept
                for what, inner in _parts_broken(part):
                    yield (
                        what,
                        replace(condition, parts=(*condition.parts[:index], inner, *condition.parts[index + 1 :])),
                    )
            other = "or" if condition.word == "and" else "and"
            yield f"{other} instead of {condition.word} in {_short(condition)}", replace(condition, word=other)
        case Exists():
            for what, inner in _parts_broken(condition.condition):
                yield f"{what} in {condition.table}", replace(condition, condition=inner)
        case str():
            for strong, weak in _WEAKER:
                if strong in condition:
                    yield f"{strong} weakened", condition.replace(strong, weak)


def _short(condition: Condition) -> str:
    return re.sub(r"\s+", " ", render(condition, 0))[:90]


def _of_table(table: Table) -> Iterator[Mutant]:
    on = f"public.{table.name}"

    def mutant(what: str, sql: str, command: str = "catalog") -> Mutant:
        return Mutant(f"{table.name}: {what}", table.name, sql, command)

    yield mutant("row-level security off", f"alter table {on} disable row level security")
    yield mutant("not forced on the owner", f"alter table {on} no force row level security")
    yield mutant("anon may read", f"grant select on {on} to anon")
    yield mutant("public may write", f"grant insert, update, delete on {on} to public")
    yield mutant("truncate for authenticated", f"grant truncate on {on} to authenticated")
    yield mutant("references for authenticated", f"grant references on {on} to authenticated")
    yield mutant("trigger for authenticated", f"grant trigger on {on} to authenticated")
    yield mutant("update of every column", f"grant update on {on} to authenticated")
    yield mutant("insert of every column", f"grant insert on {on} to authenticated")
    yield mutant("delete granted away from the service", f"revoke delete on {on} from service_role")
    if table.rule is not Rule.SERVICE:
        yield mutant("no select", f"revoke select on {on} from authenticated")
    if table.has_created_by:
        yield mutant("update of created_by", f"grant update (created_by) on {on} to authenticated")
    for column in ("created_by", "id") if table.has_created_by else ():
        yield mutant(f"insert of {column} by anon", f"grant insert ({column}) on {on} to anon")
    for name, _ in table_triggers(table):
        yield mutant(f"trigger {name} dropped", f"drop trigger {name} on {on}", "update")
        yield mutant(f"trigger {name} disabled", f"alter table {on} disable trigger {name}", "update")


def _of_functions() -> Iterator[Mutant]:
    texts = load_function_sql()
    for name, changes in _IN_FUNCTIONS.items():
        for old, new in changes:
            text = texts[name].replace(old, new)
            if text == texts[name]:
                message = f"{name}: {old!r} is not in the function; correct the list of mutants"
                raise ValueError(message)
            yield Mutant(f"{name}: {old.strip()[:60]!r} -> {new.strip()[:40]!r}", "", text)
    for signature in CALLED_BY_POLICIES:
        on = f"private.{signature}"
        yield Mutant(f"{signature}: invoker", "", f"alter function {on} security invoker")
        yield Mutant(f"{signature}: no search_path", "", f"alter function {on} reset search_path")
        yield Mutant(f"{signature}: for public", "", f"grant execute on function {on} to public")
        yield Mutant(f"{signature}: for anon", "", f"grant execute on function {on} to anon")
        yield Mutant(f"{signature}: not callable", "", f"revoke execute on function {on} from authenticated")
    yield Mutant("anon in private", "", "grant usage on schema private to anon")
    yield Mutant("authenticated passes", "", "alter role authenticated bypassrls")
    yield Mutant("service_role is bound", "", "alter role service_role nobypassrls")
    yield Mutant("authenticated creates in public", "", "grant create on schema public to authenticated")


# Survivors that change nothing which anybody could notice, by the pattern of their names.
_EQUIVALENT: tuple[tuple[str, str], ...] = (
    (
        r"_select using: without project_id = any",
        "the pair that follows says the same; this part is there for its index",
    ),
    (
        r"^teams_update with check: ",
        "the id of a team cannot be updated, so the row as it becomes is the row as it was",
    ),
    (r"^user_team_membership_select using: without user_id", "every role may view its team, and with it its own row"),
    (r"^keep_place: .and new.team_id not in", "WITH CHECK asks for the same right in the target"),
    (r"_components_insert with check: without mixture_components.molecule_id is null", "the column is never null"),
    (
        r"^(projects|predictions|training_jobs)_update (using|with check): (without )?created_by = .*(weakened)?$",
        "the select policy hides private rows of others before and after the update",
    ),
)


def why_equivalent(mutant: Mutant) -> str:
    """The reason why a mutant cannot be noticed, or an empty text."""
    return next((reason for pattern, reason in _EQUIVALENT if re.search(pattern, mutant.name)), "")
