"""The objects that schema.sql declares, by kind and name; pure.

Names only: whether each object also reads as declared needs a scratch database, and is asked by `cryo migrate verify`.
"""

import re
from collections.abc import Iterator

# On Supabase these are Supabase's own; the file declares a stand-in.
_NOT_OURS = "auth."
_NAME = r"[a-z_][a-z0-9_]*"
_PATTERNS = {
    "table": rf"^create table (?:if not exists )?(?P<name>{_NAME}\.{_NAME})",
    "view": rf"^create (?:or replace )?(?:materialized )?view (?P<name>{_NAME}\.{_NAME})",
    "index": rf"^create (?:unique )?index (?P<name>{_NAME}) on (?:only )?(?P<table>{_NAME}\.{_NAME})",
    "policy": rf"^create policy (?P<name>{_NAME}) on (?P<table>{_NAME}\.{_NAME})",
    "trigger": rf"^create (?:constraint )?trigger (?P<name>{_NAME})\s[^;]*?\son\s+(?P<table>{_NAME}\.{_NAME})",
    "function": rf"^create (?:or replace )?function (?P<name>{_NAME}\.{_NAME})\(",
}


def read_declared(schema: str) -> tuple[tuple[str, str], ...]:
    """Return kind and name of every object in the text of schema.sql.

    A name is written as `schema.table`, an index as `schema.index`, a policy and a trigger as `schema.table / name`.
    """
    return tuple(sorted(set(_find(schema))))


def _find(schema: str) -> Iterator[tuple[str, str]]:
    for kind, pattern in _PATTERNS.items():
        for found in re.finditer(pattern, schema, re.MULTILINE | re.IGNORECASE):
            parts = found.groupdict()
            table = parts.get("table")
            name = parts["name"] if table is None else f"{table} / {parts['name']}"
            if kind == "index" and table is not None:
                name = f"{table.partition('.')[0]}.{parts['name']}"
            if not name.startswith(_NOT_OURS):
                yield kind, name
