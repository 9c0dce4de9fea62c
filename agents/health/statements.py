"""The SQL that is sent: a check's own text with its numbers filled in, wrapped so that the worst rows come first."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from agents.health.definition import Check
from agents.health.errors import CheckFileError
from agents.health.facts import Facts
from agents.runtime.postgres import quote, quote_literal

_PLACE = re.compile(r"@([a-z_]+)@")

_TABLE = (
    "c.relkind in ('r', 'p') and not exists (select from pg_depend as brought "
    "where brought.classid = 'pg_class'::regclass and brought.objid = c.oid and brought.deptype = 'e')"
)
# Cited: the schemas that Supabase brings and owns; splinter leaves out the same ones.
PLATFORM_SCHEMAS = (
    "_realtime",
    "auth",
    "cron",
    "extensions",
    "graphql",
    "graphql_public",
    "net",
    "pgbouncer",
    "pgmq",
    "pgsodium",
    "pgsodium_masks",
    "realtime",
    "storage",
    "supabase_functions",
    "supabase_migrations",
    "vault",
)


@dataclass(frozen=True, slots=True)
class Layout:
    """Which schemas are ours to judge, and which of them the API shows."""

    ignored: tuple[str, ...] = PLATFORM_SCHEMAS
    exposed: tuple[str, ...] = ("public",)
    declared: tuple[tuple[str, str], ...] = ()
    """Kind and name of every object that schema.sql declares; none when the file is not at hand."""


def fill_in(check: Check, facts: Facts, layout: Layout) -> str:
    """Replace every @name@ of a check's SQL by a constant, a quoted schema or a condition.

    `@is_ours@` is true for the schema `n` when we judge it, `@is_table@` for a table `c` in it that no extension
    brought, `@is_exposed@` when the API shows the schema. `@declared@` is what schema.sql declares, as JSON, `@name@`
    of a required extension is its schema, and every other name is one of the check's parameters.

    Raises:
        CheckFileError: a name means nothing.
    """
    is_ours = f"(n.nspname !~ '^pg_' and n.nspname <> all (array[{_list([*layout.ignored, 'information_schema'])}]))"
    known = {
        "is_ours": is_ours,
        "is_table": f"({is_ours} and {_TABLE})",
        "is_exposed": f"(n.nspname = any (array[{_list(layout.exposed)}]::name[]))",
        "declared": quote_literal(json.dumps([{"kind": kind, "name": name} for kind, name in layout.declared])),
        **{name: quote(facts.extensions[name]) for name in check.requires.extensions},
        **{name: f"{value:g}" if value % 1 else f"{value:.0f}" for name, value in check.parameters.items()},
    }

    def place(found: re.Match[str]) -> str:
        try:
            return known[found[1]]
        except KeyError:
            message = f"{check.id}: @{found[1]}@ is no parameter, required extension or known condition"
            raise CheckFileError(message) from None

    return _PLACE.sub(place, check.statement_for(facts.major))


def count_rows(check: Check, text: str, cap: int) -> str:
    """Wrap a check's SQL: the number of rows beyond the threshold, and the worst of them as JSON."""
    limits = check.threshold
    keep = f"where found.value {'<=' if limits.below else '>='} {limits.warn!r}" if limits else ""
    if check.generated and not limits:
        keep = "where found.value > 0"
    by_value = f"found.value {'asc' if limits and limits.below else 'desc'}, " if keep else ""
    # Nothing here comes from outside: the text ships with the agent, and names in it are quoted by the server.
    return (
        f"select count(*) over (), to_jsonb(found) from (\n{text}\n) as found\n"  # noqa: S608 - see above
        f"{keep} order by {by_value}found.object limit {cap:d}"
    )


def union_queries(queries: Sequence[tuple[str, str]]) -> str:
    """Join generated queries, each of which gives one row, under the names of their objects."""
    return "\nunion all\n".join(
        f"select {quote_literal(target)} as object, asked.* from ({query}) as asked"  # noqa: S608 - see above
        for target, query in queries
    )


def _list(names: Sequence[str]) -> str:
    return ", ".join(quote_literal(name) for name in names)
