"""Makes tables again that the live database has lost, with everything that belonged to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agents.backup.dump import connection_environ
from agents.backup.programs import Command, find_programs, run
from agents.backup.tables.shape import Shape, quoted
from agents.runtime.postgres import Connection, quote
from agents.runtime.settings import DatabaseSettings

_LIMIT_S = 4 * 3600.0


@dataclass(frozen=True, slots=True)
class MissingTables:
    """Copies whole tables from a throw-away server."""

    original: DatabaseSettings
    target: DatabaseSettings
    live: Connection
    folder: Path
    major: int

    def create(self, shapes: Sequence[Shape]) -> None:
        """Restore tables with rows, indexes, constraints, triggers, policies and grants, in one transaction.

        Foreign keys of other tables to them went with the tables; they are declared again afterwards, one by one.

        Raises:
            EngineFailedError: something that they need is missing too; nothing was changed.
        """
        programs = find_programs(at_least=self.major)
        archive = self.folder / "tables.dump"
        chosen = [f"--table={quoted(shape.table)}" for shape in shapes]
        dump = [programs.path("pg_dump"), "--format=custom", "--compress=0", f"--file={archive}", *chosen]
        run(Command(dump, _LIMIT_S, "dump the tables", connection_environ(self.original, self.folder)))
        restore = [programs.path("pg_restore"), "--single-transaction", "--exit-on-error", "--no-tablespaces"]
        argv = [*restore, f"--dbname={self.target.name}", str(archive)]
        run(Command(argv, _LIMIT_S, "restore the tables", connection_environ(self.target, self.folder)))
        self._declare_children(shapes)

    def _declare_children(self, shapes: Sequence[Shape]) -> None:
        chosen = {shape.table for shape in shapes}
        for shape in shapes:
            for reference in shape.children:
                if reference.child in chosen:
                    continue
                present = Shape.read(self.live, reference.child)
                if present is None or any(each.name == reference.name for each in present.references):
                    continue
                child, name = quoted(reference.child), quote(reference.name)
                self.live.execute(
                    f"alter table {child} add constraint {name} {reference.definition} not valid".encode()
                )
                self.live.execute(f"alter table {child} validate constraint {name}".encode())
