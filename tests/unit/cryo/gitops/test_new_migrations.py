from dataclasses import replace
from pathlib import Path

from agents.migrate.discovery import read_folder
from agents.migrate.locks import LockMode
from agents.migrate.model import Statement
from cryo.gitops.new_migrations import find_edited, find_new

MIGRATIONS = read_folder(Path(__file__).parents[4] / "migrations")


def with_statement(text):
    return replace(MIGRATIONS[0], statements=(Statement(text, 1),), engine=None)


def test_only_what_the_database_has_not_seen_is_told():
    assert [each.name for each in find_new(MIGRATIONS[:-2], MIGRATIONS)] == [each.name for each in MIGRATIONS[-2:]]
    assert find_new(MIGRATIONS, MIGRATIONS) == ()


def test_the_strongest_lock_and_its_tables_are_told():
    (told,) = find_new((), (with_statement("ALTER TABLE public.molecules ADD COLUMN note text"),))

    assert (told.strongest, told.tables) == (LockMode.ACCESS_EXCLUSIVE, ("public.molecules",))
    assert str(told).endswith("AccessExclusive on public.molecules: readers and writers wait")


def test_an_engine_is_named():
    engines = [each for each in find_new((), MIGRATIONS) if each.engine]

    assert "by the engine foreign-keys" in str(engines[0])


def test_a_migration_that_was_changed_or_removed_after_its_merge_is_told():
    edited = replace(MIGRATIONS[0], sha256="0" * 64)

    assert find_edited(MIGRATIONS, (edited, *MIGRATIONS[2:])) == (MIGRATIONS[0].name, MIGRATIONS[1].name)
    assert find_edited(MIGRATIONS, MIGRATIONS) == ()
