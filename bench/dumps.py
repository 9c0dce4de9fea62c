"""Measures a dump and its restore beside pg_dump and pg_restore alone, on the same server in the same run.

The agent does more than the peer: it reads every row a second time for the manifest, compresses with zstd, encrypts
with age, hashes and syncs. Peers are pg_dump uncompressed and with its own gzip, two jobs each, as the agent.

Usage: python bench/dumps.py [--rows 2000000] [--rounds 2]
"""

import argparse
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import structlog

sys.path.insert(0, str(Path(__file__).parent))
from backup_faults import Machine, new_keys
from report import report

from agents.backup.contents import Limits, read_contents, snapshot
from agents.backup.engine import BackupKind, RestoreRequest, no_progress
from agents.backup.instance import Instance, Workshop, create_data, private_folder, running
from agents.backup.logical import LogicalEngine, LogicalSettings
from agents.backup.object_store import FolderStore
from agents.backup.programs import find_programs
from agents.runtime.clock import SystemClock
from agents.runtime.settings import Identity

TABLES = 4
FILL = (
    "create table t{table} as select n as id, md5(n::text) as name, random() as weight, now() as at, "
    "repeat('note ', 5) as note from generate_series(1, {rows}) as n"
)


def timed(work: Callable[[], object]) -> float:
    """Return how long it took, in seconds."""
    began_s = time.monotonic()
    work()
    return time.monotonic() - began_s


def fill(instance: Instance, rows: int) -> int:
    """Make the database; return its size in bytes."""
    with instance.connect() as conn:
        conn.execute(b"create database dumps")
    with instance.connect("dumps") as conn:
        for table in range(TABLES):
            conn.execute(FILL.format(table=table, rows=rows // TABLES).encode())
            conn.execute(f"alter table t{table} add primary key (id)".encode())
        conn.execute(b"vacuum analyze")
        row = conn.execute(b"select pg_database_size('dumps')").fetchone()
    return int(str(row[0])) if row else 0


def folder_size(folder: Path) -> int:
    """Bytes of every file."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def dump_alone(instance: Instance, programs_folder: Path, target: Path, compress: int) -> None:
    """Run the peer."""
    shutil.rmtree(target, ignore_errors=True)
    argv = [programs_folder / "pg_dump", "-Fd", "-j2", f"-Z{compress}", "-f", target, "-h", instance.socket_folder]
    subprocess.run([*argv, "-U", instance.superuser, "dumps"], check=True)


def restore_alone(instance: Instance, programs_folder: Path, source: Path) -> None:
    """Run the peer into a database of the same server."""
    with instance.connect() as conn:
        conn.execute(b"drop database if exists alone")
        conn.execute(b"create database alone template template0")
    argv = [programs_folder / "pg_restore", "-j2", "-d", "alone", "-h", instance.socket_folder]
    subprocess.run([*argv, "-U", instance.superuser, source], check=True)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    times: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="cryo-d-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        workshop = Workshop(folder / "scratch", SystemClock(), structlog.get_logger())
        machine = Machine(find_programs(), workshop, new_keys(folder))
        binaries, repository = machine.programs.folder, folder / "repository"
        repository.mkdir()
        with private_folder(workshop.scratch) as source:
            create_data(source / "data", machine.programs)
            with running(source, machine.programs, workshop) as instance:
                size = fill(instance, given.rows)
                settings = LogicalSettings("main", instance.settings("dumps"), Identity(None, "bench", ""))
                engine = LogicalEngine(settings, FolderStore(repository), machine.keys, workshop)

                def digest() -> None:
                    with instance.connect("dumps") as conn, snapshot(conn, Limits()):
                        read_contents(conn)

                def back_up() -> None:
                    time.sleep(1.1)  # a label has the second that it began in
                    engine.back_up(BackupKind.LOGICAL, annotations={}, progress=no_progress)

                def restore() -> None:
                    with private_folder(workshop.scratch) as target:
                        engine.restore(RestoreRequest(target / "data"), progress=no_progress)

                steps: dict[str, Callable[[], object]] = {
                    "pg_dump_s": lambda: dump_alone(instance, binaries, folder / "plain", 0),
                    "pg_dump_gzip_s": lambda: dump_alone(instance, binaries, folder / "gzip", 6),
                    "dump_s": back_up,
                    "digest_s": digest,
                    "pg_restore_s": lambda: restore_alone(instance, binaries, folder / "plain"),
                    "restore_s": restore,
                }
                for _ in range(given.rounds):
                    for step, work in steps.items():
                        times.setdefault(step, []).append(timed(work))
                stored = engine.list_sets()[-1].stored_bytes
                gzip = folder_size(folder / "gzip")
    best = {step: round(statistics.median(values), 2) for step, values in times.items()}
    best["dump_s"] = round(best["dump_s"] - 1.1, 2)
    figures = {
        "rows": given.rows,
        "database_mb": round(size / 1e6),
        "stored_mb": round(stored / 1e6, 1),
        "dump_s": best["dump_s"],
        "restore_s": best["restore_s"],
        "digest_s": best["digest_s"],
        "digest_rows_per_s": round(given.rows / best["digest_s"]),
        "agent_peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "dump_of_gzip": round(best["dump_s"] / best["pg_dump_gzip_s"], 2),
        "restore_of_pg_restore": round(best["restore_s"] / best["pg_restore_s"], 2),
    }
    peers = {
        "pg_dump_s": best["pg_dump_s"],
        "pg_dump_gzip_s": best["pg_dump_gzip_s"],
        "pg_dump_gzip_mb": round(gzip / 1e6, 1),
        "pg_restore_s": best["pg_restore_s"],
    }
    report("dumps", figures, peers)


if __name__ == "__main__":
    main()
