"""Recovery to random instants while transactions go on: each brings exactly what was committed before, in WAL order.

The judge is `pg_waldump` over the source's own WAL: PostgreSQL ends recovery at the first commit whose time is later
than the target, and commits of several connections do not lie in the order of their times. CRYO_PITR_INSTANTS sets how
many instants; `make bench-backups` tries 100.
"""

import json
import os
import random
import re
import secrets
import shutil
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from agents.backup.engine import BackupKind, RestoreRequest, ToTime, no_progress
from agents.backup.errors import TargetUnreachableError
from agents.backup.pgbackrest.restore import recoverable_windows
from agents.backup.repositories import PosixStore

INSTANTS = int(os.environ.get("CRYO_PITR_INSTANTS", "2"))
SEED = int(os.environ.get("CRYO_BACKUP_SEED", "1"))
WRITERS = 4
SETS = (BackupKind.FULL, BackupKind.DIFFERENTIAL, BackupKind.INCREMENTAL)
# Chosen: recovery of one instant replays at most what was written since the set before it.
LOAD_S = 4.0 + INSTANTS * 0.2
WALDUMP = "/usr/lib/postgresql/17/bin/pg_waldump"
COMMIT = re.compile(r"tx:\s+(?P<xid>\d+), .* desc: COMMIT (?P<at>\S+ \S+) UTC")
TABLES = """
create table public.accounts (id bigint primary key, balance bigint not null);
insert into public.accounts select n, 0 from generate_series(1, 8) as n;
create table public.moves (
    id bigint generated always as identity primary key,
    xid bigint not null default (pg_current_xact_id()::text::bigint),
    account bigint not null references public.accounts,
    amount bigint not null
)
"""
# Both halves of a move commit together or not at all.
MOVE = """
with moved as (
    insert into public.moves (account, amount) values (%(one)s, %(amount)s), (%(two)s, -%(amount)s::bigint)
    returning account, amount
)
update public.accounts set balance = balance + moved.amount from moved where accounts.id = moved.account
"""


@dataclass(frozen=True)
class Commit:
    xid: int
    at: datetime


def write(server, number: int, ends_at: float) -> None:
    dice = random.Random(f"{SEED}/{number}")  # noqa: S311 - a seed, no secret
    with server.connect() as conn:
        while time.monotonic() < ends_at:
            one, two = sorted(dice.sample(range(1, 9), 2))
            with conn.transaction():
                # In one order, so that no two writers wait for each other.
                conn.execute("select from public.accounts where id in (%s, %s) order by id for update", (one, two))
                conn.execute(MOVE, {"one": one, "two": two, "amount": dice.randrange(1, 1000)})


@pytest.fixture(scope="module")
def lab(root, protect):
    """A server whose rows moved while three sets were taken, and all of its WAL in the archive."""
    protected = protect(root, PosixStore(root.folder(f"repo-{secrets.token_hex(4)}")))
    with protected.server.connect() as conn:
        conn.execute("alter system set wal_keep_size = '16GB'")
        conn.execute("select pg_reload_conf()")
        conn.execute(TABLES)
    protected.engine.back_up(SETS[0], annotations={}, progress=no_progress)
    ends_at = time.monotonic() + LOAD_S
    writers = [threading.Thread(target=write, args=(protected.server, n, ends_at)) for n in range(WRITERS)]
    for writer in writers:
        writer.start()
    for kind in SETS[1:]:
        protected.engine.back_up(kind, annotations={}, progress=no_progress)
    for writer in writers:
        writer.join()
    # A commit after the last instant, or recovery never learns that it has gone far enough.
    protected.archive()
    with protected.server.connect() as conn:
        conn.execute("update public.accounts set balance = balance where id = 1")
    protected.archive()
    yield protected
    protected.server.stop()


def read_commits(root, server) -> list[Commit]:
    """Every commit in the order of the WAL."""
    folder = server.data / "pg_wal"
    names = sorted(path.name for path in folder.iterdir() if re.fullmatch(r"[0-9A-F]{24}", path.name))
    argv = root.argv(WALDUMP, "--rmgr=Transaction", f"--path={folder}", names[0], names[-1])
    # It ends with an error where the WAL ends.
    said = subprocess.run(argv, capture_output=True, text=True, env=root.variables | {"TZ": "UTC"}, check=False)
    return [
        Commit(int(found["xid"]), datetime.fromisoformat(found["at"]).replace(tzinfo=UTC))
        for found in map(COMMIT.search, said.stdout.splitlines())
        if found is not None
    ]


def committed_before(commits: Sequence[Commit], moment: datetime) -> set[int]:
    """What recovery to a moment must bring: everything before the first commit that is later."""
    found: set[int] = set()
    for commit in commits:
        if commit.at > moment:
            break
        found.add(commit.xid)
    return found


def recover(protected, root, start_server, moment: datetime) -> tuple[set[int], list[str]]:
    """Restore and return the transactions that are there, and what is wrong in itself."""
    folder = root.work / f"pitr-{secrets.token_hex(4)}"
    protected.engine.restore(RestoreRequest(folder, ToTime(moment)), progress=no_progress)
    server = start_server(root, folder)
    with server.connect() as conn:
        xids = {row[0] for row in conn.execute("select distinct xid from public.moves").fetchall()}
        halves = conn.execute("select xid from public.moves group by xid having count(*) <> 2").fetchall()
        wrong = conn.execute(
            "select id from public.accounts left join (select account, sum(amount) as amount from public.moves "
            "group by account) as moved on account = id where balance <> coalesce(amount, 0)"
        ).fetchall()
    server.stop()
    shutil.rmtree(folder)
    return xids, [f"half of transaction {row[0]}" for row in halves] + [f"balance of account {row[0]}" for row in wrong]


def test_every_instant_comes_back_to_the_transaction(lab, root, start_server) -> None:
    commits = read_commits(root, lab.server)
    sets = lab.engine.list_sets()
    with lab.server.connect() as conn:
        ours = {row[0] for row in conn.execute("select distinct xid from public.moves").fetchall()}
    (window,) = recoverable_windows(sets, lab.engine.read_archive(1))
    begin, end = window.begin, max(commit.at for commit in commits if commit.xid in ours)
    dice, wrong, times, used = random.Random(SEED), [], [], {}  # noqa: S311 - a seed, no secret
    span = int((end - begin) / timedelta(microseconds=1))
    # The engine tells whole seconds: in the second in which a set ended it is not yet the one to begin with.
    moments = [sets[-1].finished_at + timedelta(milliseconds=1)]
    moments += [begin + timedelta(microseconds=dice.randrange(span)) for _ in range(INSTANTS - 1)]
    for moment in moments:
        began = time.monotonic()
        found, reasons = recover(lab, root, start_server, moment)
        times.append(time.monotonic() - began)
        expected = committed_before(commits, moment) & ours
        used[moment] = len(expected)
        if found != expected or reasons:
            wrong.append(f"{moment}: {len(found - expected)} too many, {len(expected - found)} missing, {reasons}")
    figures = {
        "instants": INSTANTS,
        "exact": INSTANTS - len(wrong),
        "transactions": len(ours),
        "writers": WRITERS,
        "sets": len(sets),
        "median_recovery_s": round(sorted(times)[len(times) // 2], 2),
        "wrong": wrong,
    }
    print(json.dumps({"name": "pitr", "figures": figures, "seed": SEED}))  # noqa: T201 - the campaign's answer

    assert wrong == []
    assert 0 < max(used.values()) < len(ours)


@pytest.mark.parametrize("shift", [timedelta(days=-1), timedelta(hours=1)], ids=["before", "after"])
def test_an_instant_outside_the_window_is_refused_before_any_change(lab, root, shift) -> None:
    folder = root.work / f"refused-{secrets.token_hex(4)}"
    before = sorted(path.name for path in root.work.iterdir())

    with pytest.raises(TargetUnreachableError, match="nothing was touched"):
        lab.engine.restore(RestoreRequest(folder, ToTime(datetime.now(tz=UTC) + shift)), progress=no_progress)

    assert sorted(path.name for path in root.work.iterdir()) == before
