"""Checks a restored server below the level of SQL: page checksums, and every index against its table."""

import re
from collections.abc import Mapping
from pathlib import Path

from agents.backup.contents import queries
from agents.backup.dump import connection_environ
from agents.backup.errors import EngineFailedError
from agents.backup.instance import Instance
from agents.backup.programs import Command, Programs, run
from agents.runtime.postgres import Connection, as_our_error

_BAD_PAGE = re.compile(r'checksum verification failed in file "(?P<file>[^"]+)", block (?P<block>\d+)')
_CHECKSUMS_OFF = "data checksums are not enabled"
_FORK = re.compile(r"_(?:fsm|vm|init)$|\.\d+$")
_LIMIT_S = 4 * 3600.0
_TOLD = 20


def read_files(conn: Connection) -> Mapping[str, str]:
    """Return the relation of each file of the connection's database, by its path in the data folder."""
    with as_our_error("list the files of relations", remedy="see the server's log"):
        rows = conn.execute(queries()["files_of_relations"].text).fetchall()
    return {str(path): str(name) for path, name in rows}


def check_indexes(instance: Instance, programs: Programs, *, database: str, jobs: int) -> list[str]:
    """Return what pg_amcheck finds wrong: heap pages, and rows that an index has lost.

    Args:
        instance: running; the extension amcheck is installed into its database.
        programs: of its version.
        database: which to check.
        jobs: parallel connections.
    """
    folder = instance.socket_folder
    answer = folder / "amcheck.txt"
    argv = [
        programs.path("pg_amcheck"),
        "--heapallindexed",
        "--install-missing",
        "--no-strict-names",
        f"--jobs={jobs}",
        f"--database={database}",
    ]
    environ = connection_environ(instance.settings(database), folder)
    try:
        run(Command(argv, _LIMIT_S, "check the indexes", environ, stdout=answer))
    except EngineFailedError as error:
        told = _join_findings(answer.read_text(encoding="utf-8", errors="replace"))
        return told[:_TOLD] or [str(error)]
    return []


def check_pages(data: Path, programs: Programs, files: Mapping[str, str]) -> list[str] | None:
    """Return every page whose checksum is wrong, by relation; None when the source has no checksums.

    Args:
        data: of a server that was stopped cleanly.
        programs: of its version.
        files: from `read_files`.
    """
    argv = [programs.path("pg_checksums"), "--check", f"--pgdata={data}"]
    command = Command(argv, _LIMIT_S, "check the pages", as_server=True, told_lines=1000)
    try:
        run(command)
    except EngineFailedError as error:
        if _CHECKSUMS_OFF in str(error):
            return None
        found = [_name_page(match, data, files) for match in _BAD_PAGE.finditer(str(error))]
        return found[:_TOLD] or [str(error)]
    return []


def _name_page(found: re.Match[str], data: Path, files: Mapping[str, str]) -> str:
    path = Path(found["file"])
    relative = str(path.relative_to(data)) if path.is_relative_to(data) else str(path)
    relation = files.get(_FORK.sub("", relative), "a relation of the server's own")
    return f"{relation}: page {found['block']} of {relative} has a wrong checksum"


def _join_findings(text: str) -> list[str]:
    """Join pg_amcheck's heading of each object with the indented lines below it."""
    found: list[str] = []
    for line in text.splitlines():
        if line.startswith(" ") and found:
            found[-1] += f" {line.strip()}"
        elif line.strip():
            found.append(line.strip())
    return found
