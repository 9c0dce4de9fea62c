"""Keys of a repository: changed by a new repository beside the old one, lost, and wrong."""

import secrets
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from agents.backup.engine import BackupKind, RestoreRequest, ToTime, no_progress
from agents.backup.errors import KeyWrongError
from agents.backup.pgbackrest.config import write_config
from agents.backup.repositories import PosixStore, Repositories, Repository

ROWS = "select count(*) from public.events"


@pytest.fixture(scope="module")
def protected(root, protect):
    found = protect(root, PosixStore(root.folder(f"repo-{secrets.token_hex(4)}")))
    with found.server.connect() as conn:
        conn.execute("create table public.events as select n from generate_series(1, 100) as n")
    found.engine.back_up(BackupKind.FULL, annotations={}, progress=no_progress)
    yield found
    found.server.stop()


def with_repositories(engine, repositories):
    return replace(engine, settings=replace(engine.settings, repositories=repositories))


def rows_at(engine, root, start_server, moment) -> tuple[int, int]:
    """Return which repository was used and how many rows came back."""
    folder = root.work / f"restored-{secrets.token_hex(4)}"
    used = engine.restore(RestoreRequest(folder, ToTime(moment)), progress=no_progress)
    server = start_server(root, folder)
    with server.connect() as conn:
        (count,) = conn.execute(ROWS).fetchone()
    server.stop()
    return used.repository, count


def now(protected) -> datetime:
    with protected.server.connect() as conn:
        # A second later: the engine knows the end of a set only to the second.
        return conn.execute("select clock_timestamp() from pg_sleep(1.1)").fetchone()[0].astimezone(UTC)


def add(protected, number: int) -> None:
    with protected.server.connect() as conn:
        conn.execute("insert into public.events select from generate_series(1, %s)", (number,))


def test_after_a_change_of_the_passphrase_both_sides_of_it_can_be_had_back(protected, root, start_server) -> None:
    before = now(protected)
    add(protected, 1)
    protected.archive()
    old = protected.engine.settings.repositories.near
    key = old.cipher_key_file.with_name("new-key")
    key.write_text("another battery")
    store = PosixStore(root.folder(f"repo-{secrets.token_hex(4)}"))
    near = Repository(store, cipher_key_file=key, key_id="test-2")
    changed = with_repositories(protected.engine, Repositories(near, old))
    changed.prepare()
    changed.back_up(BackupKind.FULL, annotations={}, progress=no_progress)
    after = now(protected)
    add(protected, 1)
    protected.archive()

    assert rows_at(changed, root, start_server, before) == (2, 100)
    assert rows_at(changed, root, start_server, after) == (1, 101)
    assert changed.find_damage() == []
    # Whoever has the old passphrase alone reads nothing that was written since.
    stranger = with_repositories(changed, Repositories(replace(near, cipher_key_file=old.cipher_key_file)))
    write_config(stranger.settings)
    with pytest.raises(KeyWrongError):
        stranger.list_sets()
    write_config(changed.settings)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "mount the secret"),
        ("", "empty first line"),
        ("wrong battery", "keys that this repository was made with"),
    ],
    ids=["lost", "empty", "wrong"],
)
def test_without_its_key_a_repository_tells_so_and_nothing_is_touched(
    protected, root, make_engine, content, words
) -> None:
    near = protected.engine.settings.repositories.near
    # A folder of its own: the server's archive_command goes on with the true key.
    keyless = make_engine(root, near.store, protected.server.data, key=content or "")
    if content is None:
        keyless.settings.repositories.near.cipher_key_file.unlink()

    with pytest.raises(KeyWrongError, match=words) as refused:
        keyless.prepare()

    assert "\n" not in str(refused.value)
    assert len(protected.engine.list_sets()) > 0
