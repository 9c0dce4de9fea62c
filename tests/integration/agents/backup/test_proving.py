"""Signed manifests, the catalogue and the ladder of proof, by the agent's own image: `run`, then `drill`."""

import json
import secrets
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from agents.backup import signature
from agents.backup.manifest import Manifest, Proof, open_manifest, open_proof
from agents.backup.repositories import PosixStore
from agents.backup.signature import read_verifier

OWNER = 999
SCHEMA = Path(__file__).resolve().parents[4] / "migrations" / "schema.sql"


@dataclass(frozen=True)
class Agent:
    root: object
    protected: object
    settings: Path
    trusted: Path
    repository: Path

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        server = self.protected.server
        variables = {
            **self.root.variables,
            "PYTHONPATH": "/opt/app/site:/opt/app",
            "PYTHONDONTWRITEBYTECODE": "1",
            "CRYO_BACKUP_SETTINGS": str(self.settings),
            "CRYO_DB_HOST": str(server.socket),
            "CRYO_DB_USER": "postgres",
            "CRYO_COLOUR": "blue",
            "CRYO_GIT_SHA": "abc1234",
        }
        argv = self.root.argv("/usr/bin/python3", "-m", "agents.backup", *arguments)
        return subprocess.run(argv, capture_output=True, text=True, env=variables, check=False)

    def answer(self, *arguments: str) -> dict:
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def drill(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        # Short, because sockets lie below it; a folder of the root.
        return self.run("drill", "--scratch", "/tmp", *arguments)  # noqa: S108 - of the root, which is ours

    def beside(self, label: str, name: str) -> Path:
        return self.repository / "backup" / "main" / label / name

    def manifest(self, label: str) -> Manifest:
        path = self.beside(label, "cryo.manifest.json")
        return open_manifest(path.read_bytes(), read_verifier(self.trusted), label=label, where=str(path))

    def proof(self, label: str) -> Proof:
        path = self.beside(label, "cryo.proof.json")
        return open_proof(path.read_bytes(), read_verifier(self.trusted), where=str(path))

    def rows(self, query: str, *values: object) -> list[tuple]:
        with self.protected.server.connect("cryoprotect") as conn:
            return conn.execute(query, values).fetchall()


@pytest.fixture(scope="module")
def agent(agent_root, protect):
    store = PosixStore(agent_root.folder(f"repo-{secrets.token_hex(4)}"))
    protected = protect(agent_root, store)
    with protected.server.connect() as conn:
        conn.execute("create database cryoprotect")
    with protected.server.connect("cryoprotect") as conn:
        conn.execute(SCHEMA.read_bytes())
        conn.execute("create table public.notes (id bigint generated always as identity primary key, told text)")
        conn.execute("insert into public.notes (told) select md5(n::text) from generate_series(1, 500) as n")
    engine = protected.engine.settings
    folder = agent_root.folder(f"agent-{secrets.token_hex(4)}")
    private, public = signature.new_key_pair()
    (folder / "signing.pem").write_bytes(private)
    (folder / "trusted.pem").write_bytes(public)
    settings = {
        "stanza": "main",
        "folder": str(engine.folder),
        "data": str(engine.database.data),
        "socket": str(engine.database.socket),
        "near": {"path": str(store.path), "cipher_key_file": str(engine.repositories.near.cipher_key_file),
                 "key_id": "test-1"},
        "keys": {"signing_key": str(folder / "signing.pem"), "trusted_keys": str(folder / "trusted.pem")},
        "retention": {"hourly": 0, "daily": 1, "weekly": 0, "monthly": 0, "yearly": 0, "window_days": 1,
                      "min_fulls": 1, "time_zone": "UTC"},
    }  # fmt: skip
    (folder / "settings.json").write_text(json.dumps(settings))
    for path in (*folder.iterdir(), *engine.folder.iterdir()):
        shutil.chown(path, OWNER, OWNER)
    yield Agent(agent_root, protected, folder / "settings.json", folder / "trusted.pem", store.path)
    protected.server.stop()


@pytest.fixture(scope="module")
def label(agent) -> str:
    """A full set, an incremental one, and rows that were written after both."""
    full = agent.answer("run", "--type", "full")["backup"]["label"]
    agent.rows("insert into public.notes (told) values ('between') returning id")
    agent.answer("run", "--type", "incr")
    agent.rows("insert into public.notes (told) values ('after') returning id")
    agent.protected.archive()
    return full


def test_a_signed_manifest_lies_beside_the_set_and_its_row_in_the_catalogue(agent, label) -> None:
    manifest = agent.manifest(label)

    assert manifest.contents.tables["public.notes"].rows == 500
    assert manifest.wal is not None
    assert manifest.wal.lsn_contents is not None
    assert (manifest.kind, manifest.colour, manifest.git_sha) == ("full", "blue", "abc1234")
    assert manifest.encryption_key_ids == ("test-1",)
    (row,) = agent.rows(
        "select status, kind, engine, manifest::text, lsn_stop::text, row_count from public.backup_catalogue "
        "where label = %s",
        label,
    )
    assert row[:3] == ("done", "full", "pgbackrest 2.55.1")
    assert msgspec.json.decode(row[3], type=Manifest) == manifest
    assert row[4] == manifest.wal.lsn_stop
    assert row[5] == manifest.contents.rows


def test_the_drill_climbs_to_the_moment_and_keeps_the_proof(agent, label) -> None:
    done = agent.drill("--set", label, "--json")

    assert done.returncode == 0, done.stdout + done.stderr
    outcomes = {level.level: level.outcome for level in agent.proof(label).levels}
    assert outcomes == dict.fromkeys(range(7), "passed") | {7: "inapplicable"}
    assert json.loads(done.stdout)["level"] == 6
    assert agent.answer("show", label)["backup"]["verified_level"] == 6
    assert agent.rows("select verified_level from public.backup_catalogue where label = %s", label) == [(6,)]


def test_verification_reads_past_our_own_files(agent, label) -> None:
    assert agent.answer("verify")["damage"] == []


def test_an_edited_manifest_is_found_and_takes_the_level_away(agent, label) -> None:
    path = agent.beside(label, "cryo.manifest.json")
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'"rows":500', b'"rows":499', 1))

    done = agent.drill("--set", label)

    path.write_bytes(whole)
    assert done.returncode == 70
    assert "signature" in done.stdout + done.stderr
    assert agent.answer("show", label)["backup"]["verified_level"] == 0


def test_a_run_that_fails_leaves_a_failed_row(agent, label) -> None:
    hidden = agent.repository.with_name("hidden")
    agent.repository.rename(hidden)
    agent.repository.write_text("no folder")

    done = agent.run("run", "--type", "incr")

    agent.repository.unlink()
    hidden.rename(agent.repository)
    assert done.returncode in (70, 75)
    assert agent.rows("select kind, status, error <> '' from public.backup_catalogue where status = 'failed'") == [
        ("incremental", "failed", True)
    ]
