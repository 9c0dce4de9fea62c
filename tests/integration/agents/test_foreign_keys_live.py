"""The engine while others work and while it is killed, run as a Job runs it: its own process and exit code."""

import json
import os
import random
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from agents.migrate.foreign_keys.declaration import parse_declaration
from agents.migrate.foreign_keys.verification import write_verification

BUSY, BROKEN = 75, 70
HEAD = "-- Does a thing.\n-- @lock-budget-ms 200\n-- @server 15\n-- @transaction yes\n"
ENGINE = HEAD.replace("yes", "no\n-- @engine foreign-keys")
RELATION = """
[[relation]]
child = "public.child"
columns = ["parent_id"]
parent = "public.parent"
on_delete = "cascade"
orphan = "quarantine"
constraint = "child_parent_id_fkey"
index = "child_parent_id_idx"
"""
TABLES = """
create table public.parent (id bigint primary key);
create table public.child (id bigint primary key, parent_id bigint, word text not null default 'x');
create table public.leaf (child_id bigint not null references public.child (id) on delete cascade);
create index leaf_child_id_idx on public.leaf (child_id);
"""
WITHOUT_BACKUP = ("--without-backup", "a test")


@pytest.fixture
def folder(repository: Path, tmp_path: Path) -> Path:
    migrations = repository / "migrations"
    quarantine = (migrations / "0017_expand_fix_foreign_keys.sql").read_text(encoding="utf-8").split("\n\n", 1)[1]
    roles = (migrations / "0001_expand_supabase_compatibility.sql").read_text(encoding="utf-8")
    bodies = {
        "0001_expand_roles": (roles, ""),
        "0002_expand_tables": (HEAD + "create schema private;\n" + quarantine + TABLES, ""),
        "0003_backfill_relations": (ENGINE, write_verification(parse_declaration("x.toml", RELATION))),
    }
    for stem, (body, verify) in bodies.items():
        (tmp_path / f"{stem}.sql").write_text(body, encoding="utf-8")
        proof = verify or "-- Each row is a defect.\n-- @expect zero-rows\nselect 1 where false;\n"
        (tmp_path / f"{stem}.verify.sql").write_text(proof, encoding="utf-8")
        (tmp_path / f"{stem}.down.sql").write_text("select 1;", encoding="utf-8")
    (tmp_path / "0003_backfill_relations.toml").write_text(RELATION, encoding="utf-8")
    return tmp_path


@pytest.fixture
def start(database, repository: Path, folder: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "agents.migrate", arguments[0], "--migrations", str(folder), *arguments[1:]],
            env={**os.environ, **database.environ},
            cwd=repository,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def finish(start) -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: str) -> tuple[int, str, str]:
        process = start(*arguments)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    return run


@pytest.fixture
def planted(database, folder: Path, finish) -> Callable[[int, int], psycopg.Connection]:
    """The tables with good rows and orphans, each with two leaves; the repair is still to come."""
    connections: list[psycopg.Connection] = []

    def plant(good: int, orphans: int) -> psycopg.Connection:
        held = {path: path.read_text(encoding="utf-8") for path in folder.glob("0003_*")}
        for path in held:
            path.unlink()
        code, _, err = finish("apply")
        assert code == 0, err
        for path, text in held.items():
            path.write_text(text, encoding="utf-8")
        conn = database.connect()
        connections.append(conn)
        conn.execute("insert into public.parent select generate_series(1, %s::bigint)", (good,))
        conn.execute("insert into public.child select n, n from generate_series(1, %s::bigint) as n", (good,))
        conn.execute(
            "insert into public.child select n, -n from generate_series(%s::bigint, %s) as n",
            (good + 1, good + orphans),
        )
        conn.execute("insert into public.leaf select id from public.child, generate_series(1, 2)")
        return conn

    yield plant
    for conn in connections:
        conn.close()


def count(conn: psycopg.Connection, table: str, where: str = "true") -> int:
    row = conn.execute(f"select count(*) from {table} where {where}").fetchone()  # noqa: S608 - names of this file
    assert row is not None
    return int(row[0])


def wait_for_log(process: subprocess.Popen[str], event: str) -> dict[str, object]:
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        if event in line:
            return json.loads(line)
        seen.append(line)
    pytest.fail(f"the run ended without {event}: {seen[-3:]}")


def test_killed_in_the_middle_of_its_batches_the_next_run_goes_on(planted, start, finish) -> None:
    conn = planted(3_000, 20_000)
    kills = 0
    for round_number in range(4):
        done = count(conn, "private.quarantined_rows")
        process = start("apply", *WITHOUT_BACKUP)
        while process.poll() is None and count(conn, "private.quarantined_rows") < done + 3_000 * (
            1 + round_number % 2
        ):
            time.sleep(0.005)
        if process.poll() is None:
            process.kill()
            process.wait()
            kills += 1
        assert (
            count(conn, "public.child") + count(conn, "private.quarantined_rows", "table_name = 'public.child'")
            == 23_000
        )
    assert kills >= 2
    assert count(conn, "public.child") > 3_000

    code, _, err = finish("apply", *WITHOUT_BACKUP)

    assert code == 0, err
    assert count(conn, "public.child") == 3_000
    assert count(conn, "public.leaf") == 6_000
    kept = dict(conn.execute("select table_name, count(*) from private.quarantined_rows group by 1").fetchall())
    assert kept == {"public.child": 20_000, "public.leaf": 40_000}
    assert (
        count(conn, "(select distinct row_key from private.quarantined_rows where table_name = 'public.child') as k")
        == 20_000
    )
    assert conn.execute("select status from cryo.foreign_key_reports order by id").fetchall() == [
        *[("running",)] * kills,
        ("done",),
    ]


def test_killed_at_any_moment_the_next_run_converges(planted, start, finish) -> None:
    conn = planted(200, 2_000)
    draw = random.Random(4)  # noqa: S311 - moments, no secrets
    for _ in range(6):
        process = start("apply", *WITHOUT_BACKUP)
        wait_for_log(process, "migrate.lock.taken")
        time.sleep(draw.uniform(0, 0.35))
        process.kill()
        process.wait()

    code, _, err = finish("apply", *WITHOUT_BACKUP)

    assert code == 0, err
    assert count(conn, "public.child") == 200
    assert count(conn, "private.quarantined_rows") == 6_000
    assert count(conn, "pg_index", "not indisvalid") == 0
    assert finish("apply")[1].startswith("nothing to apply")


def test_blocker_is_named_and_the_run_goes_on_when_it_ends(planted, start, database) -> None:
    conn = planted(10, 10)
    with database.connect() as blocker:
        blocker.execute("set application_name = 'long report'")
        blocker.autocommit = False
        blocker.execute("insert into public.child values (1000, 1)")
        process = start("apply", *WITHOUT_BACKUP)
        told = wait_for_log(process, "migrate.lock.timed_out")
        blocker.commit()
        out, err = process.communicate(timeout=60)

    assert process.returncode == 0, err
    assert [holder["application_name"] for holder in told["holders"]] == ["long report"]
    assert "public.child" in str(told["migration"])
    assert count(conn, "public.child") == 11
    assert "applied 0003_backfill_relations" in out


def test_blocker_that_stays_ends_the_run_with_its_name_and_nothing_half_done(planted, finish, database) -> None:
    conn = planted(10, 10)
    conn.execute("create index child_parent_id_idx on public.child (parent_id)")
    with database.connect() as blocker:
        blocker.execute("set application_name = 'long report'")
        blocker.autocommit = False
        blocker.execute("insert into public.child values (1000, 1)")
        code, _, err = finish("apply", "--lock-tries", "2", *WITHOUT_BACKUP)
        blocker.rollback()

    last = json.loads(err.strip().splitlines()[-1])
    assert code == BUSY
    assert "add-constraint of public.child.child_parent_id_fkey" in last["reason"]
    assert re.search(r"held by pid \d+ \(long report, idle in transaction\)", last["reason"])
    assert count(conn, "public.child") == 20
    assert conn.execute("select status, report ->> 'error' from cryo.foreign_key_reports").fetchall() == [
        ("failed", last["reason"])
    ]


def test_writers_never_lose_a_row_that_they_made_good(planted, start, database) -> None:
    """They heal orphans, and add children with their parents, all the time that the engine removes orphans."""
    conn = planted(500, 12_000)
    stop = threading.Event()
    healed: list[int] = []
    added: list[int] = []

    def heal() -> None:
        draw = random.Random(1)  # noqa: S311 - load, no secret
        with database.connect() as mine:
            while not stop.is_set():
                row = draw.randint(501, 12_500)
                with mine.transaction():
                    changed = mine.execute("update public.child set parent_id = 7 where id = %s", (row,)).rowcount
                    time.sleep(0.002)
                if changed:
                    healed.append(row)

    def add() -> None:
        with database.connect() as mine:
            for key in range(100_000, 200_000):
                if stop.is_set():
                    return
                with mine.transaction():
                    mine.execute("insert into public.parent values (%s)", (key,))
                    mine.execute("insert into public.child values (%s, %s)", (key, key))
                added.append(key)

    threads = [threading.Thread(target=target) for target in (heal, heal, add)]
    for thread in threads:
        thread.start()
    process = start("apply", "--lock-tries", "30", *WITHOUT_BACKUP)
    _, err = process.communicate(timeout=120)
    stop.set()
    for thread in threads:
        thread.join()

    assert process.returncode == 0, err
    assert len(healed) > 10
    assert len(added) > 10
    assert count(conn, "public.child", "parent_id = 7 and id > 500") == len(set(healed))
    assert count(conn, "public.child", "id >= 100000") == len(added)
    kept = count(conn, "private.quarantined_rows", "table_name = 'public.child'")
    assert kept + len(set(healed)) == 12_000


def test_dry_run_reports_as_table_and_as_json_and_the_last_run_is_shown(planted, finish) -> None:
    conn = planted(10, 5)

    code, table, err = finish("foreign-keys")
    dry = json.loads(finish("foreign-keys", "--json")[1])["0003_backfill_relations"]
    none = json.loads(finish("foreign-keys", "--last", "--json")[1])
    untouched = count(conn, "public.child")
    applied = finish("apply", *WITHOUT_BACKUP)
    last = json.loads(finish("foreign-keys", "--last", "--json")[1])

    assert code == 0, err
    assert re.search(
        r"public\.child\.child_parent_id_fkey +5 +quarantine +ok +create-index +add-constraint, validate", table
    )
    assert dry["orphans"] == 5
    assert none == {"status": "none"}
    assert untouched == 15
    assert applied[0] == 0, applied[2]
    assert last["status"] == "done"
    assert last["backup"] == "without backup: a test"
    assert last["report"]["handled"][0]["quarantined"] == 5
    assert "quarantined" in finish("foreign-keys", "--last")[1]
    assert "every relation is as declared" in finish("foreign-keys")[1]


def test_apply_without_backup_is_refused_with_the_option_that_overrides_it(planted, finish) -> None:
    conn = planted(10, 5)

    code, _, err = finish("apply")

    assert code == BROKEN
    assert '--without-backup "<reason>"' in json.loads(err.strip().splitlines()[-1])["reason"]
    assert count(conn, "public.child") == 15


PLANTED = """
insert into auth.users (id)
select ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid from generate_series(1, 5) as n;
alter table public.lab_verifications drop constraint lab_verifications_verifier_fkey;
alter table public.lab_verifications alter column verifier type varchar(255) using verifier::text;
alter table public.mixtures drop constraint mixtures_project_id_fkey;
drop index public.mixtures_project_id_idx;
alter table public.predictions add foreign key (molecule_id) references public.molecules;
alter table public.experiments drop constraint experiments_mixture_id_fkey,
    add constraint fk_mixture foreign key (mixture_id) references public.mixtures on delete cascade not valid;
alter table public.mixture_components alter column mixture_id drop not null;
alter index public.teams_created_by_idx rename to idx_teams_owner;
set session_replication_role = replica;
insert into public.model_versions (name, version, unit, digest, card)
values ('m', '1', 'K', 'sha256:' || repeat('a', 64), '{}');
insert into public.projects (name, team_id, created_by)
select 'p', gen_random_uuid(), gen_random_uuid() from generate_series(1, 50);
insert into public.mixtures (name, project_id, team_id)
select 'm', gen_random_uuid(), gen_random_uuid() from generate_series(1, 50);
insert into public.molecules (name, smiles, created_by) select 'm', 'C', gen_random_uuid() from generate_series(1, 50);
insert into public.mixture_components (mixture_id, molecule_id, amount, amount_unit)
select id, gen_random_uuid(), 1, 'g/L' from public.mixtures;
insert into public.mixture_components (mixture_id, molecule_id, amount, amount_unit)
select null, id, 1, 'g/L' from public.molecules limit 5;
insert into public.experiments (name, mixture_id) select 'lost', gen_random_uuid() from generate_series(1, 50);
insert into public.experiments (name, mixture_id) select 'kept', id from public.mixtures;
insert into public.experiment_properties (experiment_id, name, numeric_value, unit)
select id, 'tg', 1, 'K' from public.experiments;
insert into public.lab_verifications (experiment_id, verifier)
select id, 'Dr. Who' from public.experiments where name = 'kept';
update public.lab_verifications set verifier = '00000000-0000-4000-8000-000000000001' where id in (
    select id from public.lab_verifications limit 20
);
insert into public.predictions (model_version_id, molecule_id, target, unit, prediction, lower_bound, upper_bound,
    confidence_level, in_domain)
select 99, gen_random_uuid(), 'tg', 'K', 1, 0, 2, 0.9, true from generate_series(1, 50);
insert into public.shared_content (molecule_id, shared_with_user_id)
select gen_random_uuid(), gen_random_uuid() from generate_series(1, 50);
insert into public.user_team_membership (user_id, team_id, role_id)
select gen_random_uuid(), gen_random_uuid(), id from public.team_roles;
insert into public.user_profiles (user_id, display_name) values (gen_random_uuid(), 'gone');
"""


def test_our_own_declaration_repairs_a_database_with_every_kind_of_defect(
    database, repository: Path, tmp_path: Path, start
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    for path in (repository / "migrations").glob("00*"):
        if path.name[:4] <= "0007":
            (own / path.name).write_bytes(path.read_bytes())

    def run(*arguments: str) -> tuple[int, str, str]:
        process = start(*arguments, "--migrations", str(own))
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    assert run("apply")[0] == 0
    with database.connect() as conn:
        conn.execute(PLANTED)
    for path in (repository / "migrations").glob("0017*"):
        (own / path.name).write_bytes(path.read_bytes())

    dry = json.loads(run("foreign-keys", "--json")[1])["0017_backfill_fix_foreign_keys"]
    code, _, err = run("apply", *WITHOUT_BACKUP)

    assert code == 0, err
    assert len([each for each in dry["relations"] if each["orphans"]]) >= 12
    assert json.loads(run("foreign-keys", "--json")[1])["0017_backfill_fix_foreign_keys"]["is_whole"]
    with database.connect() as conn:
        kept = dict(conn.execute("select table_name, count(*) from private.quarantined_rows group by 1").fetchall())
        assert count(conn, "public.experiments") == 50
        assert count(conn, "public.lab_verifications", "verifier = '00000000-0000-4000-8000-000000000001'") == 20
        assert count(conn, "public.lab_verifications", "verifier is null") == 30
    assert kept == {
        "public.experiments": 50,
        "public.experiment_properties": 50,
        "public.mixture_components": 55,
        "public.predictions": 50,
        "public.user_profiles": 1,
    }
