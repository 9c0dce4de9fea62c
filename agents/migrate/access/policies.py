"""Writes one table's policies, grants and triggers as SQL; pure."""

from collections.abc import Iterable, Iterator, Sequence

from agents.migrate.access.declaration import Rule, Table
from agents.migrate.access.predicates import Condition, derive_predicates, render

COMMANDS = ("select", "insert", "update", "delete")
_WIDTH = 118


def write_table(table: Table) -> str:
    """Everything that 0018 and schema.sql say about one table."""
    parts = [
        f"alter table public.{table.name} enable row level security;",
        f"alter table public.{table.name} force row level security;",
        *_policies(table),
        *_grants(table),
        *(text for _, text in table_triggers(table)),
    ]
    return "\n".join(parts) + "\n"


def policy_names(table: Table) -> tuple[str, ...]:
    """Name the four policies, one per command."""
    return tuple(f"{table.name}_{command}" for command in COMMANDS)


def table_triggers(table: Table) -> tuple[tuple[str, str], ...]:
    """Return the table's triggers as name and statement, in the order in which they are made."""
    return tuple(
        (name, f"create trigger {name} {event} on public.{table.name}\nfor each row {what};")
        for name, event, what in _triggers(table)
    )


def wrap(items: Iterable[str], *, lead: str, end: str = "") -> str:
    """Join items by commas, breaking lines before they grow too long.

    Args:
        items: what to join.
        lead: text before the first item.
        end: text after the last.
    """
    lines = [lead]
    words = list(items)
    for index, word in enumerate(words):
        piece = word + ("," if index < len(words) - 1 else end)
        joint = "" if lines[-1].endswith(("(", " ")) else " "
        if len(lines[-1]) + len(joint) + len(piece) > _WIDTH:
            lines.append("    " + piece)
        else:
            lines[-1] += joint + piece
    return "\n".join(line.rstrip() for line in lines)


def _policies(table: Table) -> Iterator[str]:
    found = derive_predicates(table)
    clauses: Sequence[tuple[str, tuple[tuple[str, Condition], ...]]] = (
        ("select", (("using", found.select),)),
        ("insert", (("with check", found.insert),)),
        ("update", (("using", found.update_using), ("with check", found.update_check))),
        ("delete", (("using", found.delete),)),
    )
    for command, conditions in clauses:
        body = " ".join(f"{word} (\n{render(condition, 1)}\n)" for word, condition in conditions)
        yield f"create policy {table.name}_{command} on public.{table.name} for {command} to authenticated {body};"


def _grants(table: Table) -> Iterator[str]:
    name = f"public.{table.name}"
    yield f"revoke all on {name} from public, anon, authenticated, service_role;"
    yield f"grant select, insert, update, delete on {name} to service_role;"
    if table.rule is Rule.SERVICE:
        return
    if not table.is_written_by_api:
        yield f"grant select on {name} to authenticated;"
        return
    yield f"grant select, delete on {name} to authenticated;"
    yield wrap(table.insert, lead="grant insert (", end=f") on {name} to authenticated;")
    yield wrap(table.update, lead="grant update (", end=f") on {name} to authenticated;")


def _triggers(table: Table) -> Iterator[tuple[str, str, str]]:
    if table.has_created_by:
        yield (
            f"{table.name}_created_by",
            "before update",
            "when (new.created_by is distinct from old.created_by) execute function private.keep_created_by()",
        )
    if table.rule is Rule.TEAM:
        yield (
            f"{table.name}_team",
            "before update",
            "when (new.team_id is distinct from old.team_id) execute function private.keep_place('delete')",
        )
        if "project_id" in table.update:
            yield (
                f"{table.name}_project",
                "before update",
                "when (new.project_id is distinct from old.project_id) execute function private.keep_place('update')",
            )
    for column, target in table.references.items():
        if column in table.update:
            changed = f"when (new.{column} is distinct from old.{column})\n"
            what = f"execute function private.keep_reference_visible('{target}', '{column}')"
            yield f"{table.name}_{column}_visible", "before update", changed + what
    if table.rule is Rule.TEAMS:
        yield (
            f"{table.name}_owner",
            "after insert",
            "when (new.created_by is not null) execute function private.own_new_team()",
        )
    if table.rule is Rule.MEMBERSHIP:
        yield f"{table.name}_last_owner", "after update or delete", "execute function private.keep_last_owner()"
