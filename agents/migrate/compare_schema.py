"""Compares a live schema with what schema.sql declares, on the same server."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agents.migrate.adopt.kept import KeptObject, read_kept, tolerate
from agents.migrate.discovery import SCHEMA_FILE
from agents.migrate.truth import Server, is_supabase, load_schema, read_schema_file, scratch_database
from agents.runtime.postgres.fingerprint import SCHEMAS, compare, digest, read_fingerprint


@dataclass(frozen=True, slots=True)
class SchemaReport:
    """What a comparison found, or why there was none."""

    verdict: str
    differences: tuple[str, ...] = ()
    kept: tuple[KeptObject, ...] = ()

    @property
    def lines(self) -> list[str]:
        """The report for a person."""
        kept = [f"kept {each.kind} {each.name}: {each.reason}" for each in self.kept]
        return [f"schema: {self.verdict}", *kept] if self.verdict else kept


def compare_schema(server: Server, folder: Path, *, pending: Sequence[str], newer: Sequence[str]) -> SchemaReport:
    """Load schema.sql beside the live database and name every difference.

    Args:
        server: the live database.
        folder: where schema.sql is.
        pending: files that are not applied yet; schema.sql has them, the database cannot.
        newer: applied files that this folder does not know.

    Raises:
        DatabaseRefusedError: the role may not create the scratch database.
    """
    if not (folder / SCHEMA_FILE).is_file():
        return SchemaReport(f"not compared, the folder has no {SCHEMA_FILE}")
    if newer:
        return SchemaReport("not compared, the database is newer than this folder")
    if pending:
        return SchemaReport(f"not compared, {len(pending)} files are not applied yet, first {pending[0]}")
    statements = read_schema_file(folder)
    # On Supabase auth is Supabase's own, not the stand-in that the file declares.
    schemas = tuple(name for name in SCHEMAS if name != "auth" or not is_supabase(server.conn))
    kept = read_kept(server.conn)
    with scratch_database(server) as scratch:
        load_schema(scratch, statements)
        expected = tolerate(read_fingerprint(scratch, schemas), kept)
    actual = tolerate(read_fingerprint(server.conn, schemas), kept)
    differences = compare(expected, actual)
    told = (
        f"{len(differences)} differences" if differences else f"equals {SCHEMA_FILE}, fingerprint {digest(actual)[:12]}"
    )
    return SchemaReport(told, differences, kept)
