"""In which objects two databases differ, told by name."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from agents.backup.contents import Contents, TableState


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """One object in which two databases differ."""

    object: str
    """Table, sequence, schema object or foreign key, by its full name."""
    problem: str


def compare(
    expected: Contents, actual: Contents, *, ignoring: Iterable[str] = (), recovered: bool = False
) -> tuple[Difference, ...]:
    """Name every object in which two databases differ; empty when they hold the same.

    Args:
        expected: from the manifest.
        actual: of the restored database.
        ignoring: tables, sequences and the like that may differ, by full name.
        recovered: the restored server replayed WAL, which holds sequences up to 32 values ahead, so that only their
            being there is compared.
    """
    ignored = frozenset(ignoring)
    found = [
        *_compare_tables(expected.tables, actual.tables),
        *_compare_sequences(expected, actual, recovered=recovered),
        *_compare_schema(expected, actual),
        *_compare_orphans(expected, actual),
    ]
    if expected.source.large_objects != actual.source.large_objects:
        told = f"{actual.source.large_objects} instead of {expected.source.large_objects}"
        found.append(Difference("large objects", told))
    if expected.migration_head != actual.migration_head:
        found.append(Difference("migration head", f"{actual.migration_head} instead of {expected.migration_head}"))
    return tuple(sorted(each for each in found if each.object not in ignored))


def _compare_tables(expected: Mapping[str, TableState], actual: Mapping[str, TableState]) -> Iterator[Difference]:
    for name in sorted({*expected, *actual}):
        ours, theirs = expected.get(name), actual.get(name)
        if theirs is None:
            yield Difference(name, "the table is missing")
        elif ours is None:
            yield Difference(name, "the table is not in the manifest")
        elif ours == theirs:
            continue
        elif ours.rows != theirs.rows:
            yield Difference(name, f"{theirs.rows} rows instead of {ours.rows}")
        else:
            yield Difference(name, f"{ours.rows} rows as expected, but their content differs")


def _compare_sequences(expected: Contents, actual: Contents, *, recovered: bool) -> Iterator[Difference]:
    for name, ours in expected.sequences.items():
        theirs = actual.sequences.get(name)
        if theirs is None:
            yield Difference(name, "the sequence is missing")
        elif theirs != ours and not recovered:
            yield Difference(name, f"the sequence stands at {theirs.last_value} instead of {ours.last_value}")


def _compare_schema(expected: Contents, actual: Contents) -> Iterator[Difference]:
    if expected.source.major != actual.source.major:
        return  # another major version prints the same definitions in other words
    ours, theirs = expected.schema_facts, actual.schema_facts
    for name in sorted({*ours, *theirs}):
        if name not in theirs:
            yield Difference(name, "missing from the schema")
        elif name not in ours:
            yield Difference(name, "not in the schema of the manifest")
        elif ours[name] != theirs[name]:
            yield Difference(name, "defined differently")


def _compare_orphans(expected: Contents, actual: Contents) -> Iterator[Difference]:
    for name in sorted({*expected.orphans, *actual.orphans}):
        ours, theirs = expected.orphans.get(name, 0), actual.orphans.get(name, 0)
        if ours != theirs:
            yield Difference(name, f"{theirs} rows without a parent instead of {ours}")
