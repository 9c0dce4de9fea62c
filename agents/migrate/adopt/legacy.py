"""Reads `legacy.toml`: what a v2 database means where its shape alone does not say it."""

import tomllib
from dataclasses import dataclass, fields
from importlib import resources
from typing import Any, TypeVar

from agents.migrate.adopt.shape import Table
from agents.migrate.errors import MigrationFileError

_FILE = "legacy.toml"


@dataclass(frozen=True, slots=True)
class SetAside:
    """A table that has one of our names and another meaning; it is renamed and keeps its rows."""

    table: str
    when_column: str
    """The column that gives it away."""
    to: str
    because: str


@dataclass(frozen=True, slots=True)
class Fill:
    """The value of a column that v2 did not have or did not insist on."""

    table: str
    column: str
    value: str
    """SQL over the existing row; null means that there is no value, and a column that needs one refuses the row."""
    when: str
    """Which rows get it."""
    needs: tuple[str, ...]
    because: str
    remedy: str

    def applies_to(self, table: Table) -> bool:
        """Whether the existing table has what the expression reads."""
        return all(table.column(name) is not None for name in self.needs)


@dataclass(frozen=True, slots=True)
class Seed:
    """A table whose rows a migration inserts; missing ones are added, existing ones stay."""

    table: str
    key: str


@dataclass(frozen=True, slots=True)
class Copy:
    """Rows that are copied into a declared table; the source stays."""

    sql: str
    """The query of this package that finds what is not copied yet."""
    source: str
    into: str
    columns: tuple[str, ...]
    """Columns of the table, in the query's order."""
    needs: tuple[str, ...]
    """Columns of the source without which there is nothing to copy."""
    reads: tuple[str, ...]
    """Other tables that the query reads."""
    because: str


@dataclass(frozen=True, slots=True)
class LegacyRules:
    """Everything that is declared about v2."""

    up_to: int
    zone: str
    set_aside: tuple[SetAside, ...] = ()
    fills: tuple[Fill, ...] = ()
    seeds: tuple[Seed, ...] = ()
    copies: tuple[Copy, ...] = ()

    def fills_of(self, live: Table) -> dict[str, tuple[Fill, ...]]:
        """Return what applies to a table, by column."""
        found: dict[str, tuple[Fill, ...]] = {}
        for fill in self.fills:
            if fill.table == live.full_name and fill.applies_to(live):
                found[fill.column] = (*found.get(fill.column, ()), fill)
        return found


T = TypeVar("T", SetAside, Fill, Seed, Copy)


def read_legacy_rules() -> LegacyRules:
    """Read the file that is shipped with this package."""
    return parse_legacy_rules(resources.files("agents.migrate.adopt").joinpath(_FILE).read_text(encoding="utf-8"))


def parse_legacy_rules(text: str) -> LegacyRules:
    """Turn the text into rules.

    Raises:
        MigrationFileError: the text is no TOML, or a key is missing or unknown.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = f"{_FILE}: {error}; correct the file"
        raise MigrationFileError(message) from error
    unknown = set(raw) - {"up_to", "zone", "set_aside", "fill", "seed", "copy"}
    if unknown or "up_to" not in raw:
        message = f"{_FILE}: needs up_to, and knows no {', '.join(sorted(unknown)) or 'other key'}; correct the file"
        raise MigrationFileError(message)
    return LegacyRules(
        up_to=int(raw["up_to"]),
        zone=str(raw.get("zone", "UTC")),
        set_aside=tuple(_record(SetAside, each) for each in raw.get("set_aside", ())),
        fills=tuple(_record(Fill, each) for each in raw.get("fill", ())),
        seeds=tuple(_record(Seed, each) for each in raw.get("seed", ())),
        copies=tuple(_record(Copy, each) for each in raw.get("copy", ())),
    )


def _record(kind: type[T], raw: dict[str, Any]) -> T:
    known = {field.name for field in fields(kind)}
    if set(raw) != known:
        wrong = ", ".join(sorted(set(raw) ^ known))
        message = f"{_FILE}: a [[{kind.__name__.lower()}]] has {wrong} missing or unknown; correct the file"
        raise MigrationFileError(message)
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in raw.items()}
    return kind(**values)
