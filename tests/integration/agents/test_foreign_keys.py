"""The engine against a real PostgreSQL: every defect that it repairs, planted and repaired."""

import json
import os
import random
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql
from structlog.testing import capture_logs

from agents.migrate.discovery import parse_files
from agents.migrate.foreign_keys import changes, engine, rows
from agents.migrate.foreign_keys.actions import Step
from agents.migrate.foreign_keys.declaration import parse_declaration
from agents.migrate.foreign_keys.engine import ForeignKeyEngine, inspect
from agents.migrate.foreign_keys.errors import BackupMissingError, RelationRefusedError
from agents.migrate.foreign_keys.history import read_last_report
from agents.migrate.foreign_keys.verification import write_verification
from agents.migrate.history import create_history
from agents.migrate.model import Migration
from agents.migrate.runner import Runner
from agents.migrate.verify import verify_migration
from agents.runtime.clock import SystemClock
from agents.runtime.errors import DatabaseRefusedError
from agents.runtime.logs import get_logger
from agents.runtime.retry import Backoff

NAME = "0001_backfill_relations"
HEAD = (
    "-- Repairs.\n-- @lock-budget-ms 200\n-- @statement-budget-s 60\n-- @server 15\n-- @transaction no\n"
    "-- @engine foreign-keys\n"
)
QUICK = Backoff(tries=3, first_s=0.01, cap_s=0.02)
TABLES = """
create table public.parent (id uuid primary key default gen_random_uuid());
insert into public.parent (id) select ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid
from generate_series(1, 10) as n;
"""
CHILD = (
    "create table public.child (id bigint generated always as identity primary key, parent_id uuid{null}, word text)"
)
# Row n points at parent n while there is one; 10 rows are good, the others point at nothing.
ROWS = """
insert into public.child (parent_id, word)
select ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'row ' || n from generate_series(1, {}) as n
"""


def relation(**more: object) -> str:
    entry = {
        "child": "public.child",
        "columns": ["parent_id"],
        "parent": "public.parent",
        "on_delete": "cascade",
        "orphan": "quarantine",
        "constraint": "child_parent_id_fkey",
        "index": "child_parent_id_idx",
    } | more
    lines = [f"{key} = {json.dumps(value)}" for key, value in entry.items() if value is not None]
    return "\n".join(["[[relation]]", *lines])


def migration(*relations: str) -> Migration:
    text = "\n\n".join(relations or (relation(),))
    verify = write_verification(parse_declaration("x.toml", text))
    files = {".sql": HEAD, ".toml": text, ".verify.sql": verify, ".down.sql": "select 1;"}
    return parse_files({NAME + ending: content for ending, content in files.items()})[0]


@dataclass
class Bench:
    """A database with the tables that the engine itself needs, and one connection to run it on."""

    conn: psycopg.Connection
    connect: Callable[[], psycopg.Connection]
    logs: list[dict[str, object]] = field(default_factory=list)

    def run(self, *relations: str, unbacked_because: str = "a test", backoff: Backoff = QUICK) -> None:
        runner = Runner(
            conn=self.conn,
            clock=SystemClock(),
            log=get_logger("migrate"),
            draw=random.random,
            backoff=backoff,
            unbacked_because=unbacked_because,
        )
        with capture_logs() as logs:  # one run's own
            try:
                ForeignKeyEngine().apply(runner, migration(*relations))
            finally:
                self.logs += logs

    def is_proven(self, *relations: str) -> bool:
        return verify_migration(self.conn, migration(*relations)).is_ok

    def ask(self, query: str) -> list[tuple]:
        return self.conn.execute(query).fetchall()

    def one(self, query: str) -> object:
        return self.ask(query)[0][0]

    def constraints(self, table: str = "public.child") -> list[tuple[str, str]]:
        query = (
            "select conname, pg_get_constraintdef(oid) from pg_constraint "
            "where conrelid = %s::regclass and contype = 'f' order by conname"
        )
        return self.conn.execute(query, (table,)).fetchall()

    def indexes(self, table: str = "public.child") -> list[str]:
        query = "select indexrelid::regclass::text from pg_index where indrelid = %s::regclass and not indisprimary"
        return [row[0].removeprefix("public.") for row in self.conn.execute(query + " order by 1", (table,))]

    def steps(self) -> list[object]:
        return [log["step"] for log in self.logs if log["event"] == "migrate.relation.changing"]


@pytest.fixture
def bench(database, repository: Path) -> Iterator[Bench]:
    folder = repository / "migrations"
    with database.connect() as conn:
        create_history(conn)
        for name in ("0001_expand_supabase_compatibility", "0002_expand_users_and_teams", "0005_expand_operations"):
            conn.execute((folder / f"{name}.sql").read_bytes())
        conn.execute((folder / "0017_expand_fix_foreign_keys.sql").read_bytes())
        conn.execute(TABLES)
        yield Bench(conn, database.connect)


def plant(bench: Bench, rows: int = 15, *, null: str = "", keys: str = "") -> None:
    bench.conn.execute(CHILD.format(null=null))
    bench.conn.execute(ROWS.format(rows))
    if keys:
        # Only a replica's session may add a valid constraint over orphans; it is how real databases got them.
        bench.conn.execute("create table public.kept as select * from public.child; delete from public.child")
        bench.conn.execute(keys)
        bench.conn.execute("set session_replication_role = replica")
        bench.conn.execute("insert into public.child overriding system value select * from public.kept")
        bench.conn.execute("reset session_replication_role; drop table public.kept")


def orphans(bench: Bench) -> object:
    return bench.one(
        "select count(*) from public.child "
        "where parent_id is not null and not exists (select from public.parent where parent.id = child.parent_id)"
    )


NULLABLE = {"on_delete": "set-null", "orphan": "set-null"}


def test_orphans_of_a_nullable_relation_lose_the_pointer_and_stay(bench) -> None:
    plant(bench)

    bench.run(relation(**NULLABLE))

    assert bench.ask("select count(*), count(parent_id) from public.child") == [(15, 10)]
    assert bench.one("select count(*) from private.quarantined_rows") == 0
    assert bench.is_proven(relation(**NULLABLE))


def test_orphans_are_deleted_where_that_is_declared(bench) -> None:
    plant(bench)

    bench.run(relation(orphan="delete"))

    assert bench.one("select count(*) from public.child") == 10
    assert bench.one("select count(*) from private.quarantined_rows") == 0
    assert bench.is_proven(relation(orphan="delete"))


def test_quarantine_keeps_the_whole_row_with_reason_and_time(bench) -> None:
    plant(bench)
    whole = dict(bench.ask("select id::text, to_jsonb(child) from public.child where id > 10"))

    bench.run()

    kept = bench.ask("select row_key, row_data, table_name, relation, reason, migration from private.quarantined_rows")
    assert {json.loads(row[0])["id"]: row[1] for row in kept} == {int(key): row for key, row in whole.items()}
    assert {row[2:] for row in kept} == {
        ("public.child", "public.child.child_parent_id_fkey", "its parent_id points at nothing", NAME)
    }
    assert bench.one("select bool_and(quarantined_at > now() - interval '1 minute') from private.quarantined_rows")
    assert bench.is_proven()


def test_a_quarantined_row_can_be_put_back_from_its_json(bench) -> None:
    plant(bench, rows=11)
    bench.run()
    bench.conn.execute("insert into public.parent values ('00000000-0000-4000-8000-000000000011')")

    bench.conn.execute(
        "insert into public.child overriding system value "
        "select (jsonb_populate_record(null::public.child, row_data)).* from private.quarantined_rows"
    )

    assert bench.one("select word from public.child where id = 11") == "row 11"


def test_constraint_and_index_are_made_and_validated(bench) -> None:
    plant(bench, rows=10)

    bench.run()

    assert bench.constraints() == [
        ("child_parent_id_fkey", "FOREIGN KEY (parent_id) REFERENCES parent(id) ON DELETE CASCADE")
    ]
    assert bench.indexes() == ["child_parent_id_idx"]


def test_second_run_changes_nothing(bench) -> None:
    plant(bench)
    bench.run()
    state = "select ctid, xmin, child.* from public.child order by id"
    catalog = "select oid, xmin, conname from pg_constraint order by oid"
    indexes = "select indexrelid, xmin from pg_index order by 1"
    before = [bench.ask(query) for query in (state, catalog, indexes)]
    bench.logs.clear()

    bench.run(unbacked_because="")

    assert [bench.ask(query) for query in (state, catalog, indexes)] == before
    assert bench.steps() == []
    assert inspect(bench.conn, migration()).is_whole


def test_dry_run_counts_and_changes_nothing(bench) -> None:
    plant(bench)
    before = bench.ask("select ctid, xmin, child.* from public.child order by id")

    report = inspect(bench.conn, migration())
    lines = ForeignKeyEngine().describe(bench.conn, migration())

    assert report.relations[0].orphans == 5
    assert any("5 rows point at nothing; quarantine them" in line for line in lines)
    assert bench.ask("select ctid, xmin, child.* from public.child order by id") == before
    assert bench.constraints() == []
    assert bench.indexes() == []


def test_dry_run_before_the_tables_exist_says_what_waits_for_them(bench) -> None:
    lines = ForeignKeyEngine().describe(bench.conn, migration())

    assert lines == ("1 relations wait for tables that do not exist yet: public.child.child_parent_id_fkey",)


@pytest.mark.parametrize("orphan", ["set-null", "delete", "quarantine"])
def test_rows_are_not_touched_without_a_verified_backup(bench, orphan) -> None:
    plant(bench)
    entry = relation(orphan=orphan, on_delete="cascade")
    before = bench.ask("select ctid, xmin, child.* from public.child order by id")

    with pytest.raises(BackupMissingError, match="verified to level 3"):
        bench.run(entry, unbacked_because="")

    assert bench.ask("select ctid, xmin, child.* from public.child order by id") == before
    assert bench.constraints() == []


@pytest.mark.parametrize(
    ("status", "level", "age", "is_enough"),
    [
        ("done", 3, "23 hours", True),
        ("done", 7, "1 minute", True),
        ("done", 2, "1 hour", False),
        ("failed", 3, "1 hour", False),
        ("done", 3, "25 hours", False),
        ("done", 3, "-1 hour", False),
    ],
)
def test_only_a_recent_restored_backup_counts(bench, status, level, age, is_enough) -> None:
    plant(bench)
    bench.conn.execute(
        "insert into public.backup_catalogue (label, kind, status, started_at, finished_at, verified_level) "
        "values ('b1', 'full', %s, now() - interval '2 days', now() - %s::interval, %s)",
        (status, age, level),
    )

    if is_enough:
        bench.run(unbacked_because="")
        assert read_last_report(bench.conn).report["after"]["is_whole"]
        assert "backup b1" in bench.one("select backup from cryo.foreign_key_reports")
    else:
        with pytest.raises(BackupMissingError):
            bench.run(unbacked_because="")


def test_no_backup_is_needed_when_no_row_is_changed(bench) -> None:
    plant(bench, rows=10)

    bench.run(unbacked_because="")

    assert bench.is_proven()


def test_reason_for_going_without_backup_is_logged_and_reported(bench) -> None:
    plant(bench)

    bench.run(unbacked_because="restored from the dump of this morning")

    assert any(log["event"] == "migrate.backup.waived" for log in bench.logs)
    assert bench.one("select backup from cryo.foreign_key_reports") == (
        "without backup: restored from the dump of this morning"
    )


def test_report_of_an_applied_run_is_kept(bench) -> None:
    plant(bench)

    bench.run()

    kept = read_last_report(bench.conn)
    assert kept.status == "done"
    assert kept.report["before"]["orphans"] == 5
    assert kept.report["after"] | {"relations": []} == {"is_whole": True, "orphans": 0, "relations": []}
    assert kept.report["handled"][0]["quarantined"] == 5


def test_text_column_becomes_its_parents_uuid_and_keeps_every_pointer(bench) -> None:
    bench.conn.execute(
        "create table public.child (id bigint primary key, parent_id varchar(255) default null, word text)"
    )
    bench.conn.execute(
        ROWS.format(12)
        .replace("insert into public.child (", "insert into public.child (id, ")
        .replace("select (", "select n, (")
    )
    bench.conn.execute(
        "insert into public.child values (20, 'Dr. Who'), (21, ''), (22, null), "
        "(23, ' 00000000-0000-4000-8000-000000000001 '), (24, '{00000000-0000-4000-8000-00000000000A}')"
    )
    bench.conn.execute("update public.child set parent_id = upper(parent_id) where id = 3")

    bench.run(relation(**NULLABLE))

    rows = dict(bench.ask("select id, parent_id from public.child"))
    assert rows == {
        **{n: UUID(f"00000000-0000-4000-8000-{n:012}") for n in range(1, 11)},
        **dict.fromkeys((11, 12, 20, 21, 22, 24)),
        23: UUID("00000000-0000-4000-8000-000000000001"),
    }
    assert bench.is_proven(relation(**NULLABLE))


@pytest.mark.parametrize(
    ("child_type", "parent_type", "values", "kept"),
    [
        ("integer", "bigint", ["1", "2", "77"], 2),
        ("bigint", "integer", ["1", "9000000000"], 1),
        ("text", "bigint", ["1", "02", "x", "99999999999999999999", "5"], 2),
        ("uuid", "text", [f"{uuid4()}"], 0),
        ("varchar(20)", "text", ["1", "7"], 1),
        ("character(5)", "bigint", ["1", "no"], 1),
    ],
)
def test_every_other_mismatch_is_converted_too(bench, child_type, parent_type, values, kept) -> None:
    bench.conn.execute(f"create table public.key_holder (id {parent_type} primary key)")
    bench.conn.execute("insert into public.key_holder values (1), (2)")
    bench.conn.execute(f"create table public.child (id serial primary key, parent_id {child_type} not null)")
    for value in values:
        bench.conn.execute(sql.SQL("insert into public.child (parent_id) values ({})").format(sql.Literal(value)))
    entry = relation(parent="public.key_holder", required=True)

    bench.run(entry)

    assert bench.one("select count(*) from public.child") == kept
    assert bench.one("select count(*) from private.quarantined_rows") == len(values) - kept
    assert bench.is_proven(entry)


def test_values_that_cannot_be_cast_are_quarantined_as_they_were(bench) -> None:
    bench.conn.execute("create table public.child (id bigint primary key, parent_id text not null)")
    bench.conn.execute("insert into public.child values (1, 'Dr. Who')")

    bench.run(relation(required=True))

    assert bench.ask("select row_data, reason from private.quarantined_rows") == [
        ({"id": 1, "parent_id": "Dr. Who"}, "its parent_id is no key of public.parent")
    ]


def test_type_with_a_default_is_converted_together_with_it(bench) -> None:
    bench.conn.execute(
        "create table public.child (id bigint primary key, parent_id text "
        "default '00000000-0000-4000-8000-000000000001')"
    )

    bench.run(relation(**NULLABLE))
    bench.conn.execute("insert into public.child (id) values (1)")

    assert bench.one("select parent_id from public.child") == UUID("00000000-0000-4000-8000-000000000001")


@pytest.mark.parametrize(
    ("dependent", "told"),
    [
        ("create view public.seen as select parent_id from public.child", "view public.seen|rule _RETURN"),
        ("create policy mine on public.child using (parent_id = 'x')", "policy mine"),
        ("create trigger t before update of parent_id on public.child execute function f()", "trigger t"),
    ],
    ids=["view", "policy", "trigger"],
)
def test_dependents_that_block_a_type_change_are_named(bench, dependent, told) -> None:
    bench.conn.execute("create function public.f() returns trigger language plpgsql as 'begin return new; end'")
    bench.conn.execute("create table public.child (id bigint primary key, parent_id text)")
    bench.conn.execute(dependent)

    with pytest.raises(RelationRefusedError, match=told):
        bench.run(relation(**NULLABLE))

    assert bench.steps() == []


def test_large_table_of_the_wrong_type_is_refused_with_a_remedy(bench, monkeypatch) -> None:
    monkeypatch.setattr("agents.migrate.foreign_keys.engine.REWRITE_LIMIT_ROWS", 5)
    bench.conn.execute("create table public.child (id bigint primary key, parent_id text)")
    bench.conn.execute("insert into public.child (id) select generate_series(1, 6)")

    with pytest.raises(RelationRefusedError, match="too large to be rewritten under a lock; add a uuid column"):
        bench.run(relation(**NULLABLE))


def test_large_table_is_converted_where_no_row_is_rewritten(bench, monkeypatch) -> None:
    monkeypatch.setattr("agents.migrate.foreign_keys.engine.REWRITE_LIMIT_ROWS", 5)
    bench.conn.execute("create table public.words (id text primary key)")
    bench.conn.execute("create table public.child (id bigint primary key, parent_id varchar(9))")
    bench.conn.execute("insert into public.child (id) select generate_series(1, 6)")
    file_before = bench.one("select pg_relation_filenode('public.child')")

    bench.run(relation(parent="public.words", **NULLABLE))

    assert bench.one("select pg_relation_filenode('public.child')") == file_before
    assert bench.is_proven(relation(parent="public.words", **NULLABLE))


def test_invalid_index_is_dropped_and_built_again(bench) -> None:
    plant(bench, rows=10)
    bench.conn.execute("create index child_parent_id_idx on public.child (parent_id)")
    bench.conn.execute(
        "update pg_index set indisvalid = false where indexrelid = 'public.child_parent_id_idx'::regclass"
    )

    bench.run()

    assert bench.ask("select indisvalid from pg_index where indexrelid = 'public.child_parent_id_idx'::regclass") == [
        (True,)
    ]


def test_invalid_leftover_under_any_name_is_dropped(bench) -> None:
    plant(bench, rows=10)
    bench.conn.execute("create index child_parent_id_idx on public.child (parent_id)")
    bench.conn.execute("create index child_parent_id_idx_ccnew on public.child (parent_id)")
    bench.conn.execute(
        "update pg_index set indisvalid = false where indexrelid = 'public.child_parent_id_idx_ccnew'::regclass"
    )

    bench.run()

    assert bench.indexes() == ["child_parent_id_idx"]


def test_same_index_under_another_name_is_renamed_not_built_again(bench) -> None:
    plant(bench, rows=10)
    bench.conn.execute("create index idx_child_parent on public.child (parent_id)")
    file_before = bench.one("select pg_relation_filenode('public.idx_child_parent')")

    bench.run()

    assert bench.indexes() == ["child_parent_id_idx"]
    assert bench.one("select pg_relation_filenode('public.child_parent_id_idx')") == file_before


def test_duplicate_indexes_go_and_different_ones_stay(bench) -> None:
    plant(bench, rows=10)
    bench.conn.execute("create index child_parent_id_idx on public.child (parent_id)")
    bench.conn.execute("create index again on public.child (parent_id)")
    bench.conn.execute("create index some_of_it on public.child (parent_id) where word is not null")
    bench.conn.execute("create index wider on public.child (parent_id, word)")
    bench.conn.execute("create unique index one_each on public.child (parent_id)")

    bench.run()

    assert bench.indexes() == ["child_parent_id_idx", "one_each", "some_of_it", "wider"]


def test_index_of_the_declared_name_on_other_columns_is_set_aside(bench) -> None:
    plant(bench, rows=10)
    bench.conn.execute("create index child_parent_id_idx on public.child (word)")

    bench.run()

    assert bench.indexes() == ["child_parent_id_idx", "child_parent_id_idx_replaced"]
    assert bench.is_proven()


def test_unique_constraint_that_begins_with_the_columns_is_index_enough(bench) -> None:
    plant(bench, rows=10)
    bench.conn.execute("alter table public.child add constraint child_key unique (parent_id, word)")
    entry = relation(index=None, covering_index="child_key")

    bench.run(entry)

    assert bench.indexes() == ["child_key"]
    assert bench.is_proven(entry)


def test_plain_index_stands_in_while_the_covering_one_is_missing(bench) -> None:
    plant(bench, rows=10)
    entry = relation(index=None, covering_index="child_key")

    bench.run(entry)
    stand_in = bench.indexes()
    bench.conn.execute("alter table public.child add constraint child_key unique (parent_id, word)")
    bench.run(entry)

    assert stand_in == ["child_parent_id_idx"]
    assert bench.indexes() == ["child_key"]


RIGHT = "foreign key (parent_id) references public.parent on delete cascade"
NAMED = "add constraint child_parent_id_fkey foreign key (parent_id) references"
WRONG = {
    "wrong action": f"{NAMED} public.parent on delete set null",
    "wrong update action": f"{NAMED} public.parent on delete cascade on update cascade",
    "wrong target": f"{NAMED} public.other on delete cascade",
    "deferrable": f"{NAMED} public.parent on delete cascade deferrable",
    "match full": f"{NAMED} public.parent match full on delete cascade",
    "wrong action under another name": "add constraint legacy foreign key (parent_id) references public.parent",
    "right under another name": f"add constraint legacy {RIGHT}",
    "not valid": f"{NAMED} public.parent on delete cascade not valid",
    "two right ones": f"add {RIGHT}, add {RIGHT}",
    "right and wrong": f"add {RIGHT}, add foreign key (parent_id) references public.parent",
    "wrong one has the name of the right one": f"{NAMED} public.parent, add constraint legacy {RIGHT}",
}


@pytest.mark.parametrize("statement", WRONG.values(), ids=WRONG.keys())
def test_exactly_the_declared_constraint_is_left(bench, statement) -> None:
    bench.conn.execute(
        "create table public.other as select * from public.parent; alter table public.other add primary key (id)"
    )
    plant(bench, rows=10)
    bench.conn.execute(f"alter table public.child {statement}")

    bench.run()

    assert bench.constraints() == [
        ("child_parent_id_fkey", "FOREIGN KEY (parent_id) REFERENCES parent(id) ON DELETE CASCADE")
    ]
    assert bench.is_proven()


def test_right_constraint_keeps_its_identity_when_it_is_renamed(bench) -> None:
    plant(bench, rows=10)
    bench.conn.execute(f"alter table public.child {WRONG['right under another name']}")
    before = bench.one("select oid from pg_constraint where conname = 'legacy'")

    bench.run()

    assert bench.one("select oid from pg_constraint where conname = 'child_parent_id_fkey'") == before


def test_orphans_under_a_valid_constraint_are_found_by_query_and_removed(bench) -> None:
    key = f"alter table public.child add constraint child_parent_id_fkey {RIGHT}"
    plant(bench, keys=key)
    assert bench.one("select convalidated from pg_constraint where conname = 'child_parent_id_fkey'") is True
    assert orphans(bench) == 5
    assert not bench.is_proven()

    bench.run()

    assert orphans(bench) == 0
    assert bench.is_proven()


@pytest.mark.parametrize("orphan", ["set-null", "delete", "quarantine"])
def test_row_that_a_writer_repairs_while_its_batch_waits_for_it_is_left_alone(bench, orphan) -> None:
    """A delete that waited would judge the writer's new row by the parents that it saw before it waited."""
    plant(bench, keys=f"alter table public.child add constraint child_parent_id_fkey {RIGHT}")
    bench.conn.execute("create index child_parent_id_idx on public.child (parent_id)")
    good = "00000000-0000-4000-8000-000000000099"
    waiting = "select count(*) from pg_stat_activity where pid = %s and wait_event_type = 'Lock'"
    with bench.connect() as writer, bench.connect() as watcher:
        running = threading.Thread(target=bench.run, args=(relation(orphan=orphan),))
        writer.autocommit = False
        writer.execute("insert into public.parent values (%s)", (good,))
        writer.execute("update public.child set parent_id = %s where id = 12", (good,))
        running.start()
        deadline_s = time.monotonic() + 20
        while watcher.execute(waiting, (bench.conn.info.backend_pid,)).fetchone() == (0,):
            assert time.monotonic() < deadline_s
            time.sleep(0.001)
        writer.commit()
        running.join()

    assert bench.ask("select parent_id from public.child where id = 12") == [(UUID(good),)]
    assert bench.ask("select count(*), count(parent_id) from public.child where id <> 12")[0][1] == 10
    assert bench.is_proven()


def meddle_before(bench: Bench, monkeypatch: pytest.MonkeyPatch, step: Step, statement: str) -> None:
    """Let somebody else run a statement, once, right before a step."""
    waiting = [statement]

    def change_shape(repair: Any, action: Any) -> bool:
        if action.step is step and waiting:
            with bench.connect() as meddler:
                meddler.execute(waiting.pop())
        return changes.change_shape(repair, action)

    monkeypatch.setattr(engine, "change_shape", change_shape)


def test_orphan_that_slips_in_before_validation_is_removed_in_another_pass(bench, monkeypatch) -> None:
    plant(bench)
    past_the_constraint = "set session_replication_role = replica; insert into public.child (parent_id) values ({})"
    meddle_before(bench, monkeypatch, Step.VALIDATE, past_the_constraint.format("gen_random_uuid()"))

    bench.run()

    assert any(log["event"] == "migrate.validate.postponed" for log in bench.logs)
    assert bench.one("select count(*) from private.quarantined_rows") == 6
    assert bench.is_proven()


def test_value_that_slips_in_before_the_type_changes_is_kept_not_nulled(bench, monkeypatch) -> None:
    bench.conn.execute("create table public.child (id bigint primary key, parent_id text)")
    meddle_before(bench, monkeypatch, Step.CONVERT_TYPE, "insert into public.child values (1, 'Dr. Who')")

    bench.run()

    assert any(log["event"] == "migrate.type.postponed" for log in bench.logs)
    assert bench.one("select row_data ->> 'parent_id' from private.quarantined_rows") == "Dr. Who"
    assert bench.is_proven()


def test_null_that_slips_in_before_not_null_is_removed_in_another_pass(bench, monkeypatch) -> None:
    plant(bench, rows=10)
    entry = relation(required=True)
    check = "alter table public.child drop constraint child_parent_id_fkey_filled;"
    again = (
        "alter table public.child add constraint child_parent_id_fkey_filled check (parent_id is not null) not valid"
    )
    null = "insert into public.child (word) values ('late');"
    meddle_before(bench, monkeypatch, Step.SET_NOT_NULL, check + null + again)

    bench.run(entry)

    assert bench.one("select row_data ->> 'word' from private.quarantined_rows") == "late"
    assert bench.is_proven(entry)


def test_row_whose_parent_appears_after_the_scan_is_left_alone(bench, monkeypatch) -> None:
    plant(bench)
    collect = rows._collect

    def collect_then_add_a_parent(sweep: Any) -> tuple[int, int]:
        found = collect(sweep)
        with bench.connect() as writer:
            key = "00000000-0000-4000-8000-000000000013"
            writer.execute("insert into public.parent values (%s) on conflict do nothing", (key,))
        return found

    monkeypatch.setattr(rows, "_collect", collect_then_add_a_parent)

    bench.run()

    assert bench.ask("select id from public.child where id > 10") == [(13,)]
    assert bench.one("select count(*) from private.quarantined_rows") == 4


def test_constraint_whose_triggers_are_disabled_is_replaced(bench) -> None:
    plant(bench, rows=10)
    bench.run()
    bench.conn.execute("alter table public.child disable trigger all")
    assert not bench.is_proven()

    bench.run()

    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        bench.conn.execute("insert into public.child (parent_id) values (gen_random_uuid())")
    assert bench.is_proven()


def test_nulls_in_a_required_column_are_quarantined_and_cannot_return(bench) -> None:
    plant(bench)
    bench.conn.execute("insert into public.child (word) values ('lost'), ('too')")
    entry = relation(required=True)

    bench.run(entry)

    assert bench.one("select count(*) from private.quarantined_rows") == 7
    assert bench.one(
        "select attnotnull from pg_attribute where attrelid = 'public.child'::regclass and attname = 'parent_id'"
    )
    assert (
        bench.ask("select conname from pg_constraint where contype = 'c' and conrelid = 'public.child'::regclass") == []
    )
    assert bench.is_proven(entry)


def test_not_null_goes_where_the_relation_may_be_empty(bench) -> None:
    plant(bench, null=" not null")

    bench.run(relation(**NULLABLE))

    assert bench.ask("select count(*), count(parent_id) from public.child") == [(15, 10)]


def test_rows_that_a_cascade_takes_away_are_kept_however_deep(bench) -> None:
    plant(bench)
    bench.conn.execute(
        "create table public.leaf (id bigint generated always as identity primary key, "
        "child_id bigint not null references public.child on delete cascade);"
        "create table public.tip (leaf_id bigint not null references public.leaf on delete cascade, note text);"
        "insert into public.leaf (child_id) select id from public.child, generate_series(1, 2);"
        "insert into public.tip select id, 'tip ' || id from public.leaf"
    )

    bench.run()

    kept = dict(bench.ask("select table_name, count(*) from private.quarantined_rows group by 1"))
    assert kept == {"public.child": 5, "public.leaf": 10, "public.tip": 10}
    assert bench.ask("select count(*) from public.leaf") == [(20,)]
    assert bench.ask("select count(*) from public.tip") == [(20,)]
    assert "because that broke public.child.child_parent_id_fkey" in bench.one(
        "select reason from private.quarantined_rows where table_name = 'public.tip' limit 1"
    )


def test_cascades_are_kept_where_rows_are_deleted_too(bench) -> None:
    plant(bench)
    bench.conn.execute(
        "create table public.leaf (child_id bigint not null references public.child on delete cascade);"
        "insert into public.leaf (child_id) select id from public.child"
    )

    bench.run(relation(orphan="delete"))

    assert bench.ask("select table_name, row_key, count(*) from private.quarantined_rows group by 1, 2") == [
        ("public.leaf", "{}", 5)
    ]


def test_declared_cascade_is_in_place_before_the_first_row_is_removed(bench) -> None:
    """A live child constraint without action would otherwise refuse the removal of its parent's orphans."""
    plant(bench)
    bench.conn.execute(
        "create table public.leaf (id bigint generated always as identity primary key, "
        "child_id bigint constraint leaf_child_id_fkey references public.child);"
        "insert into public.leaf (child_id) select id from public.child"
    )
    leaf = relation(
        child="public.leaf",
        columns=["child_id"],
        parent="public.child",
        constraint="leaf_child_id_fkey",
        index="leaf_child_id_idx",
    )

    bench.run(leaf, relation())

    assert bench.ask("select table_name, count(*) from private.quarantined_rows group by 1 order by 1") == [
        ("public.child", 5),
        ("public.leaf", 5),
    ]
    assert bench.is_proven(leaf, relation())


def test_removal_that_a_foreign_table_restricts_is_refused_by_name(bench) -> None:
    plant(bench)
    bench.conn.execute(
        "create table public.stranger (child_id bigint constraint holds_on references public.child);"
        "insert into public.stranger select id from public.child"
    )

    with pytest.raises(DatabaseRefusedError, match="holds_on"):
        bench.run()

    assert read_last_report(bench.conn).status == "failed"
    assert bench.one("select count(*) from public.child") == 15


def test_self_reference_removes_whole_branches_and_keeps_them(bench) -> None:
    bench.conn.execute(
        "create table public.node (id bigint primary key, above bigint);"
        "insert into public.node values (1, null), (2, 1), (3, 2), (10, 99), (11, 10), (12, 11), (13, 12)"
    )
    entry = relation(
        child="public.node",
        columns=["above"],
        parent="public.node",
        constraint="node_above_fkey",
        index="node_above_idx",
    )

    bench.run(entry)

    assert bench.ask("select id from public.node order by id") == [(1,), (2,), (3,)]
    assert bench.one("select count(*) from private.quarantined_rows") == 4
    assert bench.is_proven(entry)


def test_composite_key_with_a_null_is_no_orphan(bench) -> None:
    bench.conn.execute(
        "create table public.pair (a bigint, b text, primary key (a, b)); insert into public.pair values (1, 'x');"
        "create table public.child (id bigint primary key, a bigint, b text);"
        "insert into public.child values (1, 1, 'x'), (2, 1, 'y'), (3, 1, null), (4, null, null), (5, 2, 'x')"
    )
    entry = relation(columns=["a", "b"], parent="public.pair", parent_columns=["a", "b"], **NULLABLE)

    bench.run(entry)

    assert bench.ask("select id, a, b from public.child order by id") == [
        (1, 1, "x"),
        (2, None, None),
        (3, 1, None),
        (4, None, None),
        (5, None, None),
    ]
    assert bench.is_proven(entry)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"child": "public.nowhere"}, "public.nowhere does not exist"),
        ({"parent": "public.nowhere"}, "public.nowhere does not exist"),
        ({"columns": ["ghost"]}, "public.child has no column ghost"),
        ({"parent_columns": ["ghost"]}, "public.parent has no column ghost"),
        (
            {"columns": ["word"], "parent": "public.child", "parent_columns": ["word"]},
            "nothing makes public.child \\(word\\) unique",
        ),
        ({"child": "public.seen"}, "public.seen is not a table"),
        ({"columns": ["at"]}, "no cast between them is safe"),
        ({"index": "parent"}, "the name parent belongs to something"),
        ({"constraint": "child_word_check"}, "the name child_word_check belongs to another constraint"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_repaired_is_refused_before_anything_changes(bench, entry, told) -> None:
    plant(bench)
    bench.conn.execute(
        "alter table public.child add column at timestamptz, add constraint child_word_check check (word <> '')"
    )
    bench.conn.execute("create view public.seen as select * from public.child")
    good = relation(child="public.good", constraint="good_fkey", index="good_idx")
    bench.conn.execute("create table public.good (id bigint primary key, parent_id uuid)")

    with pytest.raises(RelationRefusedError, match=told):
        bench.run(good, relation(**entry))

    assert bench.steps() == []
    assert bench.constraints("public.good") == []


def test_partitioned_child_is_refused_until_its_shape_is_there(bench) -> None:
    bench.conn.execute(
        "create table public.child (id bigint, parent_id uuid, word text, primary key (id)) partition by range (id);"
        "create table public.child_low partition of public.child for values from (0) to (10);"
        "create table public.child_high partition of public.child for values from (10) to (1000)"
    )
    bench.conn.execute(ROWS.format(15).replace("(parent_id", "(id, parent_id").replace("select (", "select n, ("))

    with pytest.raises(RelationRefusedError, match="is partitioned and needs create-index"):
        bench.run()

    bench.conn.execute("create index child_parent_id_idx on public.child (parent_id)")
    bench.conn.execute("create table public.kept as select * from public.child; delete from public.child where id > 10")
    bench.conn.execute(
        "alter table public.child add constraint child_parent_id_fkey foreign key (parent_id) "
        "references public.parent on delete cascade"
    )
    bench.conn.execute("set session_replication_role = replica")
    bench.conn.execute(
        "insert into public.child select * from public.kept where id > 10; reset session_replication_role"
    )
    bench.run()

    assert orphans(bench) == 0
    assert bench.one("select count(*) from private.quarantined_rows") == 5


def test_trigger_that_keeps_the_rows_ends_the_run_with_a_reason(bench) -> None:
    plant(bench)
    bench.conn.execute("create function public.keep() returns trigger language plpgsql as 'begin return null; end'")
    bench.conn.execute("create trigger keep before delete on public.child for each row execute function public.keep()")

    with pytest.raises(Exception, match="still break the relation after 20 passes; look for a trigger") as caught:
        bench.run()

    assert type(caught.value).__name__ == "NotConvergedError"


def test_policies_do_not_hide_orphans_from_the_proof(bench) -> None:
    plant(bench)
    bench.conn.execute(
        "alter table public.child enable row level security; alter table public.child force row level security"
    )
    with bench.connect() as conn:
        role = f"owner_{os.getpid()}_{secrets.token_hex(4)}"
        conn.execute(
            f"create role {role}; alter table public.child owner to {role}; grant all on public.parent to {role}"
        )
        conn.execute(f"set role {role}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            inspect(conn, migration())
        conn.execute("reset role")
        conn.execute(f"reassign owned by {role} to postgres; drop owned by {role}; drop role {role}")


def test_tables_that_inherit_are_left_alone(bench) -> None:
    plant(bench)
    bench.conn.execute("create table public.heir () inherits (public.child)")
    bench.conn.execute("insert into public.heir (id, parent_id) values (1, gen_random_uuid())")

    bench.run()

    assert bench.one("select count(*) from public.heir") == 1
    assert bench.is_proven()
