"""A restore without our agents: the lines of docs/backup.md, run as they stand there, by a shell in a bare root."""

import os
import re
import shutil
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from agents.backup.engine import BackupKind, no_progress

DOCUMENT = Path(__file__).parents[4] / "docs" / "backup.md"
# Not var/run: that is a link, which from outside leads out of the root.
SOCKETS = "run/postgresql"
WAIT_S = 60


@pytest.fixture
def protected(root, protect, s3_store):
    found = protect(root, replace(s3_store, path="/by-hand"))
    with found.server.connect() as conn:
        # Goes into the backup, so that the restored server takes no port of this machine.
        conn.execute("alter system set listen_addresses = ''")
        conn.execute("create table public.events as select n from generate_series(1, 100) as n")
    found.engine.back_up(BackupKind.FULL, annotations={}, progress=no_progress)
    with found.server.connect() as conn:
        conn.execute("insert into public.events select from generate_series(1, 7)")
    found.archive()
    found.server.stop()
    return found


def read_lines(store, passphrase: str) -> str:
    """The block below its heading, with the words in capitals filled in."""
    section = DOCUMENT.read_text().split("### By hand, without our agents", 1)[1]
    block = re.search(r"```\n(.*?)```", section, re.DOTALL)
    assert block is not None
    text = block[1].replace("repo1-path=/main", f"repo1-path={store.path}")
    given = {
        "BUCKET": store.bucket,
        "HOST:PORT": store.endpoint,
        "KEY-ID": store.key_id_file.read_text(),
        "=KEY\n": f"={store.key_file.read_text()}\n",
        "CA-FILE": str(store.ca_file),
        "PASSPHRASE": passphrase,
    }
    for word, value in given.items():
        assert word in text, word
        text = text.replace(word, value)
    return text


def test_the_document_alone_brings_the_database_back(root, protected) -> None:
    repository = protected.engine.settings.repositories.near
    folders = [root.path / name for name in ("etc/pgbackrest", "var/lib/postgresql/17", SOCKETS)]
    # Packages of both programs make these folders; the image leaves them out.
    folders += [root.path / name for name in ("var/log/pgbackrest", "var/spool/pgbackrest", "tmp/pgbackrest")]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.chown(folder, 999, 999)
    lines = read_lines(repository.store, repository.cipher_key_file.read_text())
    log = root.work / "by-hand.log"

    with log.open("w") as file:
        argv = root.argv("/bin/sh", "-eu", "-c", lines)
        process = subprocess.Popen(
            argv, env=root.variables, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        assert wait_for_rows(root.path / SOCKETS, process, log) == 107
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(timeout=WAIT_S)
        shutil.rmtree(root.path / "var/lib/postgresql/17")


def wait_for_rows(sockets: Path, process, log: Path) -> int:
    ends_at = time.monotonic() + WAIT_S
    while True:
        try:
            with psycopg.connect(host=str(sockets), user="postgres", dbname="postgres") as conn:
                if not conn.execute("select pg_is_in_recovery()").fetchone()[0]:
                    return conn.execute("select count(*) from public.events").fetchone()[0]
        except psycopg.OperationalError:
            pass
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < ends_at, log.read_text()
        time.sleep(0.1)
