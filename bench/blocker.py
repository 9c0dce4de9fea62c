"""Measures how long other sessions queue behind a migration that waits for a lock, against its lock_timeout.

A transaction holds the table for 10 s; the runner tries again and again meanwhile, and eight other sessions read and
write the same table. Without a budget each of them would wait as long as the blocker lives.

Usage: python bench/blocker.py [--blocker-s 10] [--sessions 8] [--lock-budget-ms 500]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from report import ROOT, report
from throwaway_postgres import ThrowawayPostgres, throwaway_postgres

PROOF = "-- Each row is a defect.\n-- @expect zero-rows\nselect 1 where false;\n"
STATEMENTS = ("select count(*) from public.thing", "update public.thing set n = n + 1 where id = {row}")


def write_migration(folder: Path, lock_budget_ms: int) -> None:
    """Write a folder with one migration that needs the table for itself."""
    head = f"-- Adds a column.\n-- @lock-budget-ms {lock_budget_ms}\n-- @server 15\n-- @transaction yes\n"
    (folder / "0001_expand_column.sql").write_text(head + "alter table public.thing add column a int;\n")
    (folder / "0001_expand_column.verify.sql").write_text(PROOF)
    (folder / "0001_expand_column.down.sql").write_text("alter table public.thing drop column a;\n")


class Crowd:
    """Sessions that work on the table all the time and remember their longest wait."""

    def __init__(self, server: ThrowawayPostgres, sessions: int) -> None:
        """Start them."""
        self._over = threading.Event()
        self._longest_s = [0.0] * sessions
        self._threads = [threading.Thread(target=self._work, args=(server, number)) for number in range(sessions)]
        for thread in self._threads:
            thread.start()

    def _work(self, server: ThrowawayPostgres, number: int) -> None:
        statement = STATEMENTS[number % len(STATEMENTS)].format(row=number + 1).encode()
        with server.connect() as conn:
            while not self._over.is_set():
                began_at = time.monotonic()
                conn.execute(statement)
                self._longest_s[number] = max(self._longest_s[number], time.monotonic() - began_at)
                time.sleep(0.002)

    def stop(self) -> float:
        """End them; return the longest wait of any, in seconds."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        return max(self._longest_s)


def migrate(server: ThrowawayPostgres, folder: Path) -> subprocess.Popen[str]:
    """Start the runner as a process of its own."""
    secret = folder.parent / "password"
    secret.write_text(server.password + "\n")
    database = {
        "CRYO_DB_HOST": "127.0.0.1",
        "CRYO_DB_PORT": str(server.port),
        "CRYO_DB_NAME": "postgres",
        "CRYO_DB_USER": "postgres",
        "CRYO_DB_PASSWORD_FILE": str(secret),
    }
    command = [sys.executable, "-m", "agents.migrate", "apply", "--json", "--migrations", str(folder)]
    return subprocess.Popen(
        command, cwd=ROOT, env=os.environ | database, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def main() -> int:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocker-s", type=float, default=10.0)
    parser.add_argument("--sessions", type=int, default=8)
    parser.add_argument("--lock-budget-ms", type=int, default=500)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, throwaway_postgres() as server, server.connect() as conn:
        folder = Path(scratch) / "migrations"
        folder.mkdir()
        write_migration(folder, chosen.lock_budget_ms)
        conn.execute("create table public.thing (id bigint primary key, n bigint not null default 0)")
        conn.execute("insert into public.thing select generate_series(1, 1000)")
        conn.execute("create schema cryo")
        quiet = Crowd(server, chosen.sessions)
        time.sleep(3.0)
        quiet_s = quiet.stop()
        with server.connect(autocommit=False) as blocker:
            blocker.execute("select count(*) from public.thing")
            crowd = Crowd(server, chosen.sessions)
            process = migrate(server, folder)
            time.sleep(chosen.blocker_s)
            blocker.rollback()
        out, told = process.communicate(timeout=120)
        longest_s = crowd.stop()
    if process.returncode != 0:
        raise SystemExit(told)
    (run,) = json.loads(out)["applied"]
    report(
        "blocker",
        {
            "longest_wait_ms": round(longest_s * 1000),
            "longest_wait_per_lock_timeout": round(longest_s * 1000 / chosen.lock_budget_ms, 2),
            "longest_wait_per_blocker": round(longest_s / chosen.blocker_s, 3),
            "attempts": run["attempts"],
        },
        {"longest_wait_without_migration_ms": round(quiet_s * 1000), "blocker_s": chosen.blocker_s},
        sessions=chosen.sessions,
        lock_timeout_ms=chosen.lock_budget_ms,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
