"""Kills the backup, the restore, the archive path and the S3 server at random points while rows are written.

After each kill the same commands run again, and then: every listed set is whole, the WAL has no hole, a restore brings
every row that was committed before, and the server never refused a row. CRYO_BACKUP_KILLS sets how many;
`make bench-backups` tries 100.
"""

import json
import multiprocessing
import os
import random
import secrets
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import structlog

from agents.backup import commands
from agents.backup.commands import Command
from agents.backup.engine import BackupKind, RestoreRequest, no_progress
from agents.backup.errors import BackupUnavailableError
from agents.backup.settings import BackupSettings, RetentionSettings, StoreSettings
from agents.backup.wal import find_gaps
from agents.runtime.clock import SystemClock
from agents.runtime.settings import Identity

KILLS = int(os.environ.get("CRYO_BACKUP_KILLS", "4"))
SEED = int(os.environ.get("CRYO_BACKUP_SEED", "1"))
# Chosen: reading all of the repository costs more with every segment.
VERIFY_EVERY = 10
KEEP_ALL = RetentionSettings(
    hourly=0, daily=0, weekly=0, monthly=0, yearly=0, window_days=30, min_fulls=1, time_zone="UTC"
)
RETRIES = 5


@dataclass
class Writer:
    """Commits rows one after the other, and closes a segment now and then."""

    server: object
    refused: list[str] = field(default_factory=list)
    committed: int = 0
    slowest_s: float = 0.0
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        with self.server.connect() as conn:
            while not self.stop.is_set():
                began = time.monotonic()
                try:
                    conn.execute("insert into public.events default values")
                    if self.committed % 200 == 0:
                        conn.execute("select pg_switch_wal()")
                except Exception as error:  # noqa: BLE001 - whatever it is, the primary refused a row
                    self.refused.append(str(error))
                    return
                self.committed += 1
                self.slowest_s = max(self.slowest_s, time.monotonic() - began)
                self.stop.wait(0.005)


@dataclass
class Lab:
    protected: object
    s3: object
    command: Command
    writer: Writer
    root: object
    start_server: Callable[..., object]
    dice: random.Random
    victim: Path
    retries: list[str] = field(default_factory=list)
    killed: Counter = field(default_factory=Counter)

    @property
    def engine(self):
        return self.protected.engine

    def back_up(self) -> str:
        return commands.run(self.command, BackupKind.INCREMENTAL, dry_run=False).data["backup"]["label"]

    def restore_in_place(self) -> None:
        commands.restore(
            self.command, RestoreRequest(self.victim, as_clone=False), confirmed=True, dry_run=False, stopped=True
        )


def killed_at(delay_s: float, action: Callable[[], object]) -> bool:
    """Run something in a process of its own and kill it with all its children; False when it ended before."""

    def run() -> None:
        os.setsid()
        action()

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    process.join(delay_s)
    was_running = process.exitcode is None
    if was_running:
        os.killpg(process.pid, signal.SIGKILL)
    process.join()
    return was_running


def kill_backup(lab: Lab) -> bool:
    return killed_at(lab.dice.uniform(0.1, 2.5), lab.back_up)


def kill_restore(lab: Lab) -> bool:
    was_running = killed_at(lab.dice.uniform(0.1, 2.5), lab.restore_in_place)
    # Whatever the moment: a server that starts now finds a whole data folder, not an empty place.
    assert (lab.victim / "PG_VERSION").exists()
    assert (lab.victim / "global" / "pg_control").exists()
    return was_running


def kill_archive(lab: Lab) -> bool:
    """Kill every process that sends WAL, at the moment when one is seen."""
    ends_at = time.monotonic() + 5.0
    time.sleep(lab.dice.uniform(0.0, 0.5))
    while time.monotonic() < ends_at:
        found = [pid for pid in _processes("archive-push") if _is_ours(pid, lab.root.path)]
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if found:
            return True
    return False


def kill_store(lab: Lab) -> bool:
    """Kill the S3 server under a backup and under the archive, and start it again after a while."""
    delay_s, away_s = lab.dice.uniform(0.1, 2.0), lab.dice.uniform(0.0, 3.0)
    process = multiprocessing.get_context("fork").Process(target=lab.back_up)
    process.start()
    process.join(delay_s)
    lab.s3.kill()
    time.sleep(away_s)
    lab.s3.start()
    process.join()
    return True


KINDS = (kill_backup, kill_restore, kill_archive, kill_store)


def _processes(word: str) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace")
        except OSError:
            continue
        # The server's own command line has the words of its archive_command too.
        if words.startswith("/usr/bin/pgbackrest") and word in words:
            found.append(int(path.parent.name))
    return found


def _is_ours(pid: int, root: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/root").readlink() == root
    except OSError:
        return False


@pytest.fixture
def lab(root, protect, make_s3, start_server):
    s3 = make_s3(root)
    # As in the database's pod, whose locks are not those of the pods that take backups.
    protected = protect(root, s3.store, "--archive-async", f"--lock-path={root.folder(f'{s3.folder.name}-locks')}")
    with protected.server.connect() as conn:
        conn.execute("create table public.events (id bigint generated always as identity primary key)")
        conn.execute("create table public.ballast as select n, md5(n::text) from generate_series(1, 50000) as n")
    engine = protected.engine.settings
    keys = root.folder(f"{s3.folder.name}-keys")
    for name, source in (("key-id", "key_id"), ("key", "key")):
        (keys / name).write_text((s3.folder / source).read_text())
    store = StoreSettings(
        path="/main", bucket="backups", endpoint=s3.store.endpoint, ca_file=str(s3.store.ca_file),
        keys=str(keys), cipher_key_file=str(engine.repositories.near.cipher_key_file), key_id="test-1",
    )  # fmt: skip
    settings = BackupSettings(
        stanza="main",
        folder=str(engine.folder),
        data=str(engine.database.data),
        socket=str(engine.database.socket),
        near=store,
        retention=KEEP_ALL,
    )
    command = Command(
        settings, Identity(None, "1.2.3", "abc1234"), structlog.get_logger(), SystemClock(), no_progress,
        program=protected.engine.program,
    )  # fmt: skip
    writer = Writer(protected.server)
    dice = random.Random(SEED)  # noqa: S311 - a seed, no secret
    made = Lab(protected, s3, command, writer, root, start_server, dice, root.work / f"victim-{secrets.token_hex(4)}")
    commands.run(command, BackupKind.FULL, dry_run=False)
    made.restore_in_place()
    thread = threading.Thread(target=writer.run)
    thread.start()
    yield made
    writer.stop.set()
    thread.join()
    protected.server.stop()
    s3.kill()


def until_it_works(lab: Lab, action: Callable[[], object]) -> None:
    """Run it again as a Job would: only what is told to be temporary is tried again, and it is counted."""
    for _ in range(RETRIES):
        try:
            action()
        except BackupUnavailableError as error:
            lab.retries.append(str(error)[:300])
            time.sleep(1.0)
        else:
            return
    action()


def read_ids(lab: Lab, folder: Path) -> set[int]:
    """Start a server in a restored folder and return its rows."""
    auto = folder / "postgresql.auto.conf"
    # The production path of the database's own configuration is not there in these tests.
    local = f"--config={lab.command.settings.folder}/pgbackrest.conf --pg1-path={folder}"
    auto.write_text(auto.read_text().replace(f"--config={lab.command.settings.host_config}", local))
    server = lab.start_server(lab.root, folder)
    with server.connect() as conn:
        ids = {row[0] for row in conn.execute("select id from public.events").fetchall()}
    server.stop()
    return ids


def what_is_wrong(lab: Lab, *, thorough: bool) -> list[str]:
    """Run everything again and return what did not converge."""
    until_it_works(lab, lab.back_up)
    with lab.protected.server.connect() as conn:
        (before,) = conn.execute("select count(*) from public.events").fetchone()
    lab.protected.archive()
    sets = lab.engine.list_sets()
    gaps = find_gaps(sets, lab.engine.read_archive(1), sets[0].label)
    until_it_works(lab, lab.restore_in_place)
    ids = read_ids(lab, lab.victim)
    for old in lab.victim.parent.glob(f"{lab.victim.name}.replaced-*"):
        shutil.rmtree(old)
    wrong = [f"WAL {gap} is missing after {label}" for label, gap in gaps.items()]
    if len(ids) < before or ids != set(range(1, len(ids) + 1)):
        wrong.append(f"{len(ids)} rows came back of {before}")
    if thorough:
        wrong += [f"{damage.label} {damage.object}: {damage.problem}" for damage in lab.engine.find_damage()]
    return wrong


def test_after_every_kill_the_next_run_converges_and_the_primary_goes_on(lab) -> None:
    wrong: list[str] = []
    began = time.monotonic()
    for number in range(KILLS):
        kind = KINDS[number % len(KINDS)]
        lab.killed[f"{kind.__name__}_{'hit' if kind(lab) else 'too_late'}"] += 1
        thorough = number % VERIFY_EVERY == VERIFY_EVERY - 1 or number == KILLS - 1
        wrong += [f"{number} {kind.__name__}: {told}" for told in what_is_wrong(lab, thorough=thorough)]
    figures = {
        "kills": KILLS,
        "converged": KILLS - len({told.split(":")[0] for told in wrong}),
        "by_kind": dict(lab.killed),
        "temporary_errors_that_were_tried_again": len(lab.retries),
        "sets_at_the_end": len(lab.engine.list_sets()),
        "rows": lab.writer.committed,
        "rows_refused": len(lab.writer.refused),
        "slowest_commit_s": round(lab.writer.slowest_s, 3),
        "duration_s": round(time.monotonic() - began, 1),
        "wrong": wrong,
        "tried_again_because": dict(Counter(lab.retries)),
    }
    print(json.dumps({"name": "backup_kills", "figures": figures, "seed": SEED}))  # noqa: T201 - the campaign's answer

    assert wrong == []
    assert lab.writer.refused == []
