"""A small database with everything that a dump can lose, and a logical engine that backs it up into a folder."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog

from agents.backup import encryption, signature
from agents.backup.engine import BackupKind, BackupSet, no_progress
from agents.backup.instance import Workshop
from agents.backup.logical import Keys, LogicalEngine, LogicalSettings
from agents.backup.object_store import FolderStore
from agents.runtime.clock import SystemClock
from agents.runtime.settings import DatabaseSettings, Identity

SCHEMA = """
create schema private;
create table public.teams (
    id bigint generated always as identity primary key, name text not null unique
);
create table public.molecules (
    id bigint generated always as identity primary key,
    team_id bigint not null constraint molecules_team_id_fkey references public.teams (id) on delete cascade,
    name text not null, weight double precision check (weight > 0), touched_at timestamptz
);
create index molecules_team_id_idx on public.molecules (team_id);
create table public.mixtures (
    id bigint generated always as identity primary key,
    molecule_id bigint not null constraint mixtures_molecule_id_fkey references public.molecules (id),
    note text
);
create table private.audit (id bigint generated always as identity primary key, told text);
create sequence public.batch_seq start 100;
create function private.touch() returns trigger language plpgsql as $$
begin
    new.touched_at = now();
    insert into private.audit (told) values (tg_op || ' ' || new.name);
    return new;
end
$$;
insert into public.teams (name) select 'team ' || n from generate_series(1, 5) as n;
insert into public.molecules (team_id, name, weight)
select 1 + n % 5, 'molecule ' || n, n from generate_series(1, 400) as n;
insert into public.mixtures (molecule_id, note) select n, repeat('note ', 20) from generate_series(1, 400) as n;
select nextval('public.batch_seq') from generate_series(1, 7);
create trigger molecules_touch before insert or update on public.molecules
for each row execute function private.touch();
alter table public.molecules enable row level security;
alter table public.molecules force row level security;
create policy molecules_select on public.molecules for select to cryo_tests_reader using (team_id = 1);
grant usage on schema public to cryo_tests_reader;
grant select (id, team_id, name) on public.molecules to cryo_tests_reader;
grant select on public.teams to cryo_tests_reader;
create view public.molecule_names as select id, name from public.molecules;
"""


@dataclass(frozen=True)
class Protected:
    """A database, the engine that backs it up, and where the sets lie."""

    database: object
    engine: LogicalEngine
    repository: Path
    keys: Path
    make: Callable[..., LogicalEngine]

    def back_up(self) -> BackupSet:
        return self.engine.back_up(BackupKind.LOGICAL, annotations={}, progress=no_progress)

    @property
    def folder(self) -> Path:
        return self.repository / "main"


@pytest.fixture
def scratch() -> Iterator[Path]:
    # pytest's own folders are too deep for the path of a socket.
    with tempfile.TemporaryDirectory(prefix="cryo-t-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def workshop(scratch: Path) -> Workshop:
    return Workshop(scratch=scratch, clock=SystemClock(), log=structlog.get_logger())


@pytest.fixture
def settings_of() -> Callable[..., DatabaseSettings]:
    def build(database, *, name: str | None = None) -> DatabaseSettings:
        return DatabaseSettings(
            host="127.0.0.1",
            port=database.cluster.port,
            name=name or database.name,
            user="postgres",
            password_file=database.cluster.password_file,
            sslmode="prefer",
        )

    return build


@pytest.fixture
def reader_role(cluster) -> None:
    # Roles belong to the whole server; it is thrown away with them.
    with cluster.connect() as conn:
        if conn.execute("select from pg_roles where rolname = 'cryo_tests_reader'").fetchone() is None:
            conn.execute("create role cryo_tests_reader nologin")


@pytest.fixture
def protected(reader_role: None, database, tmp_path: Path, workshop: Workshop, settings_of) -> Protected:
    with database.connect() as conn:
        conn.execute(SCHEMA)
    keys, repository = tmp_path / "keys", tmp_path / "repository"
    keys.mkdir()
    repository.mkdir()
    private, public = signature.new_key_pair()
    secret, recipient = encryption.new_key_pair()
    for name, content in (("sign", private), ("trust", public), ("age", secret.encode()), ("to", recipient.encode())):
        (keys / name).write_bytes(content)

    def make(**changes: object) -> LogicalEngine:
        given = {
            "verifier": signature.read_verifier(keys / "trust"),
            "recipients": encryption.read_recipients(keys / "to"),
            "signer": signature.read_signer(keys / "sign"),
            "identities": encryption.read_identities(keys / "age"),
            **{name: value for name, value in changes.items() if name != "settings"},
        }
        settings = changes.get("settings") or LogicalSettings(
            "main", settings_of(database), Identity(None, "1.0.0", "0123abc")
        )
        return LogicalEngine(settings, FolderStore(repository), Keys(**given), workshop)  # type: ignore[arg-type]

    return Protected(database, make(), repository, keys, make)
