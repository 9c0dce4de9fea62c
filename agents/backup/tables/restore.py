"""Restores single tables: the set into a throw-away server, the tables beside the live ones, their rows in one step.

The live table stays the object that it is and only its rows change. So whatever hangs on it stays too: foreign keys in
both directions, policies, triggers, grants, sequences, views. Foreign keys stay switched on all the time. A row that
another table refers to is never deleted, because its children would go or change with it.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from agents.backup.contents import Limits, queries
from agents.backup.engine import Done, Engine, Progress, RestoreRequest, ToImmediate
from agents.backup.errors import TableRefusedError
from agents.backup.instance import SUPERUSER, Instance, Workshop, private_folder, running
from agents.backup.manifest import Manifest
from agents.backup.programs import find_programs
from agents.backup.tables import statements
from agents.backup.tables.missing import MissingTables
from agents.backup.tables.plan import order_tables, refuse_shape
from agents.backup.tables.shape import Shape, quoted, told
from agents.runtime.postgres import Connection, Table, as_our_error, quote, quote_literal
from agents.runtime.settings import DatabaseSettings

_CHUNK_REPORT = 64


@dataclass(frozen=True, slots=True)
class TableDifference:
    """How a live table differs from the set, in rows."""

    table: Table
    only_here: int
    """In the live table alone: written since, or never in the set."""
    only_there: int
    """In the set alone: deleted since."""
    different: int

    @property
    def is_equal(self) -> bool:
        """Whether there is nothing to restore."""
        return not (self.only_here or self.only_there or self.different)


@dataclass(frozen=True, slots=True)
class Choice:
    """What to restore, and how far to go."""

    tables: Sequence[Table]
    swap: bool = False
    """Change the live rows; without it the live database is only read."""
    side_schema: str | None = None
    """Leave the tables as they were in this new schema of the live database."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found, and what was done."""

    label: str
    differences: tuple[TableDifference, ...]
    missing: tuple[Table, ...]
    """Tables that the live database has no longer."""
    swapped: bool
    side_schema: str | None


@dataclass(frozen=True, slots=True)
class TableRestorer:
    """Restores tables of one set into one live database."""

    engine: Engine
    manifest: Manifest
    workshop: Workshop
    live: Connection
    """In autocommit mode, as a role that no policy stops and that owns the tables."""
    target: DatabaseSettings
    """Of that connection."""
    superuser: str = SUPERUSER
    limits: Limits = field(default_factory=Limits)

    def run(self, choice: Choice, *, progress: Progress) -> Outcome:
        """Compare, and change what was chosen.

        Raises:
            TableRefusedError: a table cannot be restored without changing something else; nothing was changed.
            DatabaseRefusedError: the server said no; nothing was changed.
        """
        with as_our_error("restore tables", remedy="nothing was changed; use the owner of the tables"):
            self._require_sight()
            with (
                private_folder(self.workshop.scratch) as folder,
                self._original(folder, progress) as instance,
                instance.connect(self.manifest.contents.source.database) as original,
            ):
                for conn in (self.live, original):
                    conn.execute(b"set search_path = ''")  # so that both name every type with its schema
                return self._restore(choice, original, instance, progress)

    def _restore(self, choice: Choice, original: Connection, instance: Instance, progress: Progress) -> Outcome:
        there = {table: _require(Shape.read(original, table), table, self.manifest) for table in choice.tables}
        here = {table: shape for table in choice.tables if (shape := Shape.read(self.live, table)) is not None}
        missing = tuple(table for table in choice.tables if table not in here)
        for table, shape in here.items():
            refuse_shape(there[table], shape)
        ordered = order_tables([here[table] for table in here])
        if choice.swap and missing and here:
            gone = ", ".join(told(table) for table in missing)
            raise TableRefusedError(
                f"{gone}: gone from the live database, the others are not; restore them in a command of their own first"
            )
        side = choice.side_schema or f"cryo_restore_{self.manifest.label.lower().replace('-', '_')}"
        if not choice.swap and choice.side_schema is None:
            found = self._compare_in(original, here, ordered, progress)
            return Outcome(self.manifest.label, found, missing, swapped=False, side_schema=None)
        with self.live.transaction():
            self._pin(self.live)
            found = self._bring(original, [*here.values(), *(there[table] for table in missing)], side, progress)
            if choice.swap and here:
                self._swap(here, ordered, side)
            if choice.side_schema is None:
                self.live.execute(f"drop schema {quote(side)} cascade".encode())
        if choice.swap and missing:
            source = self.manifest.contents.source
            settings, folder = instance.settings(source.database), instance.socket_folder
            makers = MissingTables(settings, self.target, self.live, folder, source.major)
            makers.create([there[table] for table in missing])
        return Outcome(self.manifest.label, found, missing, swapped=choice.swap, side_schema=choice.side_schema)

    def _compare_in(
        self, original: Connection, here: Mapping[Table, Shape], ordered: Sequence[Table], progress: Progress
    ) -> tuple[TableDifference, ...]:
        """Copy the live tables into the throw-away server, so that a dry run writes nothing anywhere else."""
        side = "cryo_live"
        with self.live.transaction(), original.transaction():
            self.live.execute(b"set transaction isolation level repeatable read, read only")
            for conn in (self.live, original):
                self._pin(conn)
            original.execute(f"create schema {quote(side)}".encode())
            for table in ordered:
                copy = Table(side, _name_beside(table))
                _create_beside(original, table, copy)
                _copy_rows(here[table], (self.live, table), (original, copy), progress)
            return tuple(_count(original, here[table], Table(side, _name_beside(table)), table) for table in ordered)

    def _bring(
        self, original: Connection, shapes: Sequence[Shape], side: str, progress: Progress
    ) -> tuple[TableDifference, ...]:
        """Lay the tables beside the live ones, in a schema that nobody else may enter."""
        self.live.execute(f"create schema {quote(side)}".encode())
        found: list[TableDifference] = []
        for shape in shapes:
            copy = Table(side, _name_beside(shape.table))
            columns = ", ".join(f"{quote(field.name)} {field.type}" for field in shape.fields)
            self.live.execute(f"create table {quoted(copy)} ({columns})".encode())
            with original.transaction():
                self._pin(original)
                _copy_rows(shape, (original, shape.table), (self.live, copy), progress)
            if Shape.read(self.live, shape.table) is not None:
                found.append(_count(self.live, shape, shape.table, copy))
        return tuple(found)

    def _swap(self, here: Mapping[Table, Shape], ordered: Sequence[Table], side: str) -> None:
        beside = {table: Table(side, _name_beside(table)) for table in ordered}
        for table in ordered:
            # EXCLUSIVE: readers go on, but nobody can add a child to a row that is about to be deleted.
            self.live.execute(f"lock table {quoted(table)} in exclusive mode".encode())
        for table in ordered:
            self._refuse_effects(here[table], here, beside)
            _run_all(self.live, statements.set_triggers(here[table], enabled=False))
        for table in reversed(ordered):
            _run_all(self.live, [statements.delete_surplus(here[table], table, beside[table])])
        for table in ordered:
            update = statements.update_different(here[table], table, beside[table])
            insert = statements.insert_missing(here[table], table, beside[table])
            _run_all(self.live, [*([update] if update else []), insert])
        self.live.execute(b"set constraints all immediate")  # what is still to be checked would forbid ALTER TABLE
        for table in ordered:
            _run_all(self.live, statements.set_triggers(here[table], enabled=True))
            self._raise_sequences(here[table])
            left = _count(self.live, here[table], table, beside[table])
            if not left.is_equal:
                raise TableRefusedError(f"{told(table)}: still differs after the restore ({left}); nothing was changed")

    def _refuse_effects(self, shape: Shape, here: Mapping[Table, Shape], beside: Mapping[Table, Table]) -> None:
        copy = beside[shape.table]
        for reference in shape.referrers:
            # A child that is restored too may go, but only if its own row goes.
            kept = beside.get(reference.child)
            child = here.get(reference.child)
            statement = statements.count_children_of_surplus(shape, reference, copy, (child, kept))
            count = _number(self.live, statement)
            if count:
                raise TableRefusedError(
                    f"{told(shape.table)}: {count} rows of {told(reference.child)} refer to rows that the set does "
                    f"not have ({reference.name}); restore both tables together, or move those rows first"
                )
        for reference in shape.parents:
            parent = beside.get(reference.parent, reference.parent)
            count = _number(self.live, statements.count_orphans(reference, copy, parent))
            if count:
                raise TableRefusedError(
                    f"{told(shape.table)}: {count} of its rows in the set refer to rows of {told(reference.parent)} "
                    f"that are gone ({reference.name}); restore both tables together"
                )

    def _raise_sequences(self, shape: Shape) -> None:
        """Let no sequence give an id that a restored row has; it never goes back, as ids may have been told around."""
        for sequence in shape.sequences:
            named = quote_literal(quote(sequence.schema, sequence.name))
            self.live.execute(
                f"select setval({named}, greatest(found.highest, sequence.last_value)) "  # noqa: S608 - quoted names
                f"from (select max({quote(sequence.column)})::bigint as highest from {quoted(shape.table)}) as found, "
                f"{quote(sequence.schema, sequence.name)} as sequence "
                f"where found.highest > sequence.last_value".encode()
            )

    @contextmanager
    def _original(self, folder: Path, progress: Progress) -> Iterator[Instance]:
        request = RestoreRequest(folder / "data", target=ToImmediate(), label=self.manifest.label)
        self.engine.restore(request, progress=progress)
        programs = find_programs(self.manifest.contents.source.major)
        with running(folder, programs, self.workshop, superuser=self.superuser) as instance:
            yield instance

    def _require_sight(self) -> None:
        row = self.live.execute(queries()["role_sees_all"].text).fetchone()
        if row is None or row[0] is not True:
            role = self.live.info.user
            raise TableRefusedError(
                f"role {role} has neither BYPASSRLS nor SUPERUSER, so policies would hide rows; use another role"
            )

    def _pin(self, conn: Connection) -> None:
        parameters = {
            "lock_timeout_ms": str(round(self.limits.lock_timeout_s * 1000)),
            "statement_timeout_ms": str(round(self.limits.statement_timeout_s * 1000)),
        }
        conn.execute(queries()["pin_session"].text, parameters)


def _require(shape: Shape | None, table: Table, manifest: Manifest) -> Shape:
    if shape is None:
        raise TableRefusedError(f"set {manifest.label} has no table {told(table)}; its tables are in its manifest")
    return shape


def _name_beside(table: Table) -> str:
    return table.name if table.schema == "public" else f"{table.schema}__{table.name}"


def _create_beside(conn: Connection, table: Table, copy: Table) -> None:
    conn.execute(f"create unlogged table {quoted(copy)} (like {quoted(table)})".encode())


def _copy_rows(
    shape: Shape, source: tuple[Connection, Table], target: tuple[Connection, Table], progress: Progress
) -> None:
    """Stream a table from one server to the other, a block at a time."""
    reader, writer = source[0].cursor(), target[0].cursor()
    done = 0
    with (
        reader.copy(statements.copy_out(shape, source[1]).encode()) as out,
        writer.copy(statements.copy_in(shape, target[1]).encode()) as into,
    ):
        for number, block in enumerate(out):
            into.write(block)
            done += len(block)
            if number % _CHUNK_REPORT == 0:
                progress(Done(f"copy {told(shape.table)}", done, None))


def _count(conn: Connection, shape: Shape, here: Table, there: Table) -> TableDifference:
    row = conn.execute(statements.count_differences(shape, here, there).encode()).fetchone()
    only_here, only_there, different = (int(str(each)) for each in row or ())
    return TableDifference(shape.table, only_here, only_there, different)


def _number(conn: Connection, statement: str) -> int:
    row = conn.execute(statement.encode()).fetchone()
    return int(str(row[0])) if row else 0


def _run_all(conn: Connection, statements_: Sequence[str]) -> None:
    for statement in statements_:
        conn.execute(statement.encode())
