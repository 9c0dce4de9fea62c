"""Reads tables.toml: every table of schema public with the rule for its rows."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from agents.migrate.errors import MigrationFileError

# Names go into SQL text as they stand; this is what needs no quoting and no escaping in PostgreSQL.
_NAME = re.compile(r"[a-z_][a-z0-9_]*")


class Rule(StrEnum):
    """What decides about a table's rows."""

    TEAM = "team"
    """Created by a person, may belong to a team and may be shared."""
    CHILD = "child"
    """Seen and changed with its parent."""
    VERIFICATION = "verification"
    """A child of an experiment, with permissions of its own."""
    TEAMS = "teams"
    MEMBERSHIP = "membership"
    SHARE = "share"
    PROFILE = "profile"
    OWNER = "owner"
    """Whoever created it, nobody else."""
    REFERENCE = "reference"
    """Everybody signed in reads, the service role writes."""
    SERVICE = "service"
    """The service role alone."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table and who may do what with its rows."""

    name: str
    rule: Rule
    insert: tuple[str, ...] = ()
    """Columns that the API may set in a new row."""
    update: tuple[str, ...] = ()
    """Columns that the API may change."""
    references: Mapping[str, str] = field(default_factory=dict)
    """Column to table: only a row that the caller sees may be named."""
    shared_as: str = ""
    """Its kind in shared_content, when it can be shared."""
    in_project: bool = False
    """Whether a shared project opens it for viewing."""
    parent: str = ""
    parent_key: str = ""
    parent_shared_as: str = ""

    @property
    def is_written_by_api(self) -> bool:
        """Whether any signed-in user may add rows."""
        return bool(self.insert)

    @property
    def has_created_by(self) -> bool:
        """Whether the API names who created a row."""
        return "created_by" in self.insert


def parse_tables(text: str) -> tuple[Table, ...]:
    """Read the declaration; tables come back in its order.

    Raises:
        MigrationFileError: a key, a rule or a name is not known, or a table lacks what its rule needs.
    """
    try:
        declared = tomllib.loads(text)["tables"]
    except (tomllib.TOMLDecodeError, KeyError) as error:
        message = f"tables.toml: {error}; write it as TOML with one [tables.<name>] each"
        raise MigrationFileError(message) from error
    tables = tuple(_parse_table(name, values) for name, values in declared.items())
    names = {table.name for table in tables}
    for table in tables:
        for target in (*table.references.values(), *filter(None, (table.parent,))):
            if target not in names:
                message = f"tables.toml: {table.name} refers to {target}, which is not declared; declare it"
                raise MigrationFileError(message)
    return tables


def _parse_table(name: str, values: Mapping[str, object]) -> Table:
    known = set(Table.__dataclass_fields__) - {"name"}
    if unknown := sorted(set(values) - known):
        message = f"tables.toml: {name}: {', '.join(unknown)} is not a key; known are {', '.join(sorted(known))}"
        raise MigrationFileError(message)
    if values.get("rule") not in set(Rule):
        message = f"tables.toml: {name}: rule is {values.get('rule')!r}; known are {', '.join(Rule)}"
        raise MigrationFileError(message)
    table = Table(
        name=name,
        rule=Rule(str(values["rule"])),
        insert=_names_in(values, "insert"),
        update=_names_in(values, "update"),
        references=_references_in(values),
        shared_as=str(values.get("shared_as", "")),
        in_project=values.get("in_project") is True,
        parent=str(values.get("parent", "")),
        parent_key=str(values.get("parent_key", "")),
        parent_shared_as=str(values.get("parent_shared_as", "")),
    )
    _refuse_bad_table(table)
    return table


def _names_in(values: Mapping[str, object], key: str) -> tuple[str, ...]:
    found = values.get(key, [])
    return tuple(str(each) for each in found) if isinstance(found, list) else ()


def _references_in(values: Mapping[str, object]) -> dict[str, str]:
    found = values.get("references", {})
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def _refuse_bad_table(table: Table) -> None:
    texts = (table.shared_as, table.parent, table.parent_key, table.parent_shared_as)
    names = (table.name, *table.insert, *table.update, *table.references, *table.references.values(), *texts)
    closed = table.rule in {Rule.REFERENCE, Rule.SERVICE}
    is_child = table.rule in {Rule.CHILD, Rule.VERIFICATION}
    problems = {
        "a name needs quoting": any(name and not _NAME.fullmatch(name) for name in names),
        "created_by, id and times are never updated": bool(
            {"id", "created_by", "created_at", "updated_at"} & set(table.update)
        ),
        "the rule lets the API write nothing": closed and bool(table.insert or table.update),
        "the rule needs insert columns": not closed and not table.insert,
        "the rule needs parent and parent_key": is_child and not (table.parent and table.parent_key),
        "a child may not change its parent": is_child and table.parent_key in table.update,
        "a reference must be a column of insert": not set(table.references) <= set(table.insert),
    }
    if wrong := [problem for problem, found in problems.items() if found]:
        message = f"tables.toml: {table.name}: {'; '.join(wrong)}; correct it"
        raise MigrationFileError(message)
