"""The rules of the migrations folder: each broken one is one error that names the file."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from agents.migrate.discovery import parse_files, read_folder
from agents.migrate.errors import MigrationFileError
from agents.migrate.model import Expectation, Phase

HEAD = "-- Adds a thing.\n-- @lock-budget-ms 500\n-- @server 15\n-- @transaction yes\n"
ALONE = HEAD.replace("yes", "no")
VERIFY = "-- Nothing is missing.\n-- @expect zero-rows\nselect 1 where false;\n"
REPOSITORY = Path(__file__).resolve().parents[3]


def folder(*stems: str, **replaced: str) -> dict[str, str]:
    """A legal folder, with some files replaced; `__` in a key stands for a dot."""
    files: dict[str, str] = {}
    for stem in stems:
        files |= {f"{stem}.sql": HEAD + "select 1;", f"{stem}.verify.sql": VERIFY, f"{stem}.down.sql": "select 2;"}
    return files | {key.removeprefix("f").replace("__", "."): text for key, text in replaced.items()}


def without(files: Mapping[str, str], name: str) -> dict[str, str]:
    return {key: text for key, text in files.items() if key != name}


ONE = "0001_expand_one"
CASES: dict[str, tuple[dict[str, str], str]] = {
    "three digits": (folder("001_expand_one"), "001_expand_one.sql: the name must be NNNN_"),
    "no phase": (folder("0001_one"), "0001_one.sql: the name must be"),
    "unknown phase": (folder("0001_destroy_one"), "'destroy' is not a phase"),
    "upper case": (folder("0001_expand_One"), "the name must be"),
    "space": (folder("0001_expand_one two"), "the name must be"),
    "number zero": (folder("0000_expand_one"), "numbers start at 0001"),
    "unicode digits": (folder("\u0660\u0660\u0660\u0661_expand_one"), "the name must be|numbers start"),
    "gap": (folder(ONE, "0003_expand_three"), "0003_expand_three.sql: follows 0002, but the number before it is 0001"),
    "does not begin at one": (folder("0002_expand_two"), "0002_expand_two.sql: follows 0001, but .* 0000"),
    "duplicate number": (
        folder(ONE, "0001_expand_two"),
        "0001_expand_two.sql: number 0001 is already 0001_expand_one.sql",
    ),
    "same number, other change": (folder(ONE, "0001_backfill_two"), "number 0001 is already"),
    "verify missing": (without(folder(ONE), f"{ONE}.verify.sql"), f"{ONE}.sql: {ONE}.verify.sql is missing"),
    "down missing": (without(folder(ONE), f"{ONE}.down.sql"), f"{ONE}.down.sql is missing"),
    "down and no-down": (folder(ONE, f0001_expand_one__sql=HEAD + "-- @no-down lost\nselect 1;"), "remove one of them"),
    "orphan verify": ({f"{ONE}.verify.sql": VERIFY}, "there is no 0001_expand_one.sql"),
    "orphan down": ({f"{ONE}.down.sql": "select 1;"}, "there is no 0001_expand_one.sql"),
    "empty": (folder(ONE, f0001_expand_one__sql=HEAD), f"{ONE}.sql: holds no statement"),
    "only comments": (folder(ONE, f0001_expand_one__sql=HEAD + "/* nothing */ ; -- here"), "holds no statement"),
    "empty down": (folder(ONE, f0001_expand_one__down__sql="-- nothing\n"), f"{ONE}.down.sql: holds no statement"),
    "no summary": (folder(ONE, f0001_expand_one__sql=HEAD.split("\n", 1)[1] + "select 1;"), "the first line must say"),
    "no lock budget": (
        folder(ONE, f0001_expand_one__sql=HEAD.replace("-- @lock-budget-ms 500\n", "") + "select 1;"),
        "declares no @lock-budget-ms",
    ),
    "no server": (
        folder(ONE, f0001_expand_one__sql=HEAD.replace("-- @server 15\n", "") + "select 1;"),
        "declares no @server",
    ),
    "no transaction": (
        folder(ONE, f0001_expand_one__sql=HEAD.replace("-- @transaction yes\n", "") + "select 1;"),
        "declares no @transaction",
    ),
    "transaction maybe": (
        folder(ONE, f0001_expand_one__sql=HEAD.replace("yes", "maybe") + "select 1;"),
        "use yes or no",
    ),
    "lock budget too long": (
        folder(ONE, f0001_expand_one__sql=HEAD.replace("500", "501") + "select 1;"),
        "@lock-budget-ms is '501'; use a whole number from 1 to 500",
    ),
    "lock budget zero": (folder(ONE, f0001_expand_one__sql=HEAD.replace("500", "0") + "select 1;"), "from 1 to 500"),
    "lock budget not a number": (
        folder(ONE, f0001_expand_one__sql=HEAD.replace("500", "0.5s") + "select 1;"),
        "@lock-budget-ms is '0.5s'",
    ),
    "server too old": (
        folder(ONE, f0001_expand_one__sql=HEAD.replace("@server 15", "@server 14") + "select 1;"),
        "@server is '14'",
    ),
    "unknown declaration": (
        folder(ONE, f0001_expand_one__sql=HEAD + "-- @locks 1\nselect 1;"),
        "@locks is not a declaration",
    ),
    "declared twice": (
        folder(ONE, f0001_expand_one__sql=HEAD + "-- @server 15\nselect 1;"),
        "@server is declared twice",
    ),
    "declared without value": (
        folder(ONE, f0001_expand_one__sql=HEAD + "-- @no-down\nselect 1;"),
        "@no-down has no value",
    ),
    "follows itself": (folder(ONE, f0001_expand_one__sql=HEAD + "-- @follows 1\nselect 1;"), "@follows is '1'"),
    "verify without shape": (folder(ONE, f0001_expand_one__verify__sql="select 1;"), "declares no known shape"),
    "verify that writes": (
        folder(ONE, f0001_expand_one__verify__sql=VERIFY + "drop table t;"),
        "line 4: only queries prove anything",
    ),
    "open quote": (folder(ONE, f0001_expand_one__sql=HEAD + "select 'abc;\n"), "line 5: ' is never closed"),
    "open identifier": (folder(ONE, f0001_expand_one__sql=HEAD + 'select 1;\nselect "a;'), 'line 6: " is never closed'),
    "open dollar quote": (
        folder(ONE, f0001_expand_one__sql=HEAD + "do $x$ begin; end $y$;"),
        r"line 5: \$x\$ is never closed",
    ),
    "open comment": (
        folder(ONE, f0001_expand_one__sql=HEAD + "select 1 /* a /* b */;"),
        r"line 5: /\* is never closed",
    ),
    "own begin": (
        folder(ONE, f0001_expand_one__sql=HEAD + "begin; select 1; commit;"),
        "line 5: the runner owns the transaction; remove BEGIN",
    ),
    "own commit behind a comment": (
        folder(ONE, f0001_expand_one__sql=HEAD + "select 1; /* x */ COMMIT;"),
        "remove COMMIT",
    ),
    "concurrently in a transaction": (
        folder(ONE, f0001_expand_one__sql=HEAD + "create index concurrently if not exists i on public.t (a);"),
        "CONCURRENTLY cannot run in a transaction",
    ),
    "unnamed concurrent index": (
        folder(ONE, f0001_expand_one__sql=ALONE + "create index concurrently on public.t (a);"),
        "write CREATE INDEX CONCURRENTLY IF NOT EXISTS",
    ),
    "concurrent index without schema": (
        folder(ONE, f0001_expand_one__sql=ALONE + "create index concurrently if not exists i on t (a);"),
        "<schema>.<table>",
    ),
    "atomic body": (
        folder(ONE, f0001_expand_one__sql=HEAD + "create function f() returns int begin atomic select 1; end;"),
        "BEGIN ATOMIC",
    ),
}


@pytest.mark.parametrize(("files", "told"), CASES.values(), ids=CASES.keys())
def test_broken_folder_is_refused_by_file_and_remedy(files: dict[str, str], told: str) -> None:
    with pytest.raises(MigrationFileError, match=told) as caught:
        parse_files(files)

    assert "\n" not in str(caught.value)
    assert ".sql: " in str(caught.value)


def test_legal_folder_is_read_in_the_order_it_runs() -> None:
    files = folder("0002_expand_two", "0001_validate_one", "0001_expand_one", "0001_backfill_one")

    assert [migration.name for migration in parse_files(files)] == [
        "0001_expand_one",
        "0001_backfill_one",
        "0001_validate_one",
        "0002_expand_two",
    ]


def test_declared_gap_is_allowed() -> None:
    text = HEAD + "-- @follows 0001\nselect 1;"

    names = [each.name for each in parse_files(folder(ONE, "0017_expand_later", f0017_expand_later__sql=text))]

    assert names == ["0001_expand_one", "0017_expand_later"]


def test_header_reaches_the_migration() -> None:
    text = (
        HEAD.replace("500", "250").replace("yes", "no")
        + "-- @statement-budget-s 600\n-- @no-down rows are gone\nselect 1;"
    )
    files = without(folder(ONE, f0001_expand_one__sql=text), f"{ONE}.down.sql")

    (migration,) = parse_files(files)

    assert (migration.lock_budget_ms, migration.statement_budget_s, migration.min_server) == (250, 600, 15)
    assert (migration.transactional, migration.no_down, migration.summary) == (False, "rows are gone", "Adds a thing.")
    assert (migration.phase, migration.verification.expectation) == (Phase.EXPAND, Expectation.ZERO_ROWS)


def test_changing_one_byte_changes_the_hash() -> None:
    (before,) = parse_files(folder(ONE))
    (after,) = parse_files(folder(ONE, f0001_expand_one__sql=HEAD + "select 1 ;"))

    assert before.sha256 != after.sha256


def test_schema_file_and_other_files_are_not_migrations() -> None:
    assert len(parse_files(folder(ONE) | {"schema.sql": "nonsense", "README.md": "x"})) == 1


def test_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(MigrationFileError, match="no such folder; give the migrations folder with --migrations"):
        read_folder(tmp_path / "none")


def test_file_that_is_not_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "0001_expand_one.sql").write_bytes(b"-- \xff")

    with pytest.raises(MigrationFileError, match=r"0001_expand_one.sql: byte 3 is not UTF-8"):
        read_folder(tmp_path)


def test_hidden_files_of_a_mounted_volume_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "..data").mkdir()
    (tmp_path / ".0001_expand_one.sql").write_text("x", encoding="utf-8")

    assert read_folder(tmp_path) == ()


def test_own_folder_obeys_the_rules() -> None:
    numbers = [migration.number for migration in read_folder(REPOSITORY / "migrations")]
    assert numbers == sorted(numbers)
    assert {1, 2, 3, 4, 5, 6, 7, 17, 18} <= set(numbers)
