from datetime import timedelta

import msgspec
import pytest

from agents.backup.engine import no_progress
from agents.backup.errors import SetUnknownError
from agents.backup.instance import create_data, private_folder, running
from agents.backup.levels import Level, Means
from agents.backup.pages import check_indexes, check_pages, read_files
from agents.backup.programs import find_programs
from agents.backup.verification import Expected, Subject, verify


@pytest.fixture
def climb(protected, workshop):
    def run(label: str, *, engine=None, up_to: Level = Level.COPY, **expected):
        used = engine or protected.engine
        subject = Subject(used, used.sets, workshop, Means(False, True, False, False))
        return verify(subject, label, up_to=up_to, expected=Expected(**expected), progress=no_progress)

    return run


def outcomes(proof) -> dict[int, str]:
    return {result.level: result.outcome for result in proof.levels}


def reasons(proof, level: Level) -> str:
    return " | ".join(proof.levels[level].because)


def test_a_whole_set_climbs_as_far_as_a_dump_can(protected, climb, database, scratch) -> None:
    taken = protected.back_up()
    manifest = protected.engine.sets.open(taken.label)

    proof = climb(
        taken.label,
        system_identifier=manifest.contents.source.system_identifier,
        database=database.name,
        manifest_sha256=protected.engine.sets.digest(taken.label),
        max_age=timedelta(hours=1),
    )

    assert [result.level for result in proof.levels] == list(range(8))
    assert outcomes(proof) == {
        0: "passed", 1: "inapplicable", 2: "passed", 3: "passed", 4: "passed", 5: "passed", 6: "inapplicable",
        7: "inapplicable",
    }  # fmt: skip
    assert proof.reached == Level.CONTENTS
    assert proof.levels[Level.RESTORE].duration_s > 0
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize(
    ("expected", "told"),
    [
        ({"manifest_sha256": "0" * 64}, "the set was replaced"),
        ({"system_identifier": "7000000000000000001"}, "another cluster"),
        ({"max_age": timedelta(seconds=-1), "max_skew": timedelta(hours=1)}, "no newer backup succeeded"),
    ],
)
def test_a_replaced_foreign_or_stale_set_reaches_nothing(protected, climb, expected, told) -> None:
    taken = protected.back_up()

    proof = climb(taken.label, up_to=Level.REPOSITORY, **expected)

    assert outcomes(proof)[Level.MANIFEST] == "failed"
    assert told in reasons(proof, Level.MANIFEST)
    assert proof.reached == 0


def test_a_manifest_that_lies_is_found_by_what_was_restored(protected, workshop) -> None:
    taken = protected.back_up()
    sets, manifest = protected.engine.sets, protected.engine.sets.open(taken.label)

    class Lying:
        """What a compromised signer would say: one row more than there is."""

        read_manifest = staticmethod(sets.read_manifest)

        @staticmethod
        def open(_label: str):
            tables = dict(manifest.contents.tables)
            tables["public.teams"] = msgspec.structs.replace(tables["public.teams"], rows=6)
            return msgspec.structs.replace(manifest, contents=msgspec.structs.replace(manifest.contents, tables=tables))

    subject = Subject(protected.engine, Lying(), workshop, Means(False, True, False, False))
    proof = verify(subject, taken.label, up_to=Level.COPY, expected=Expected(), progress=no_progress)

    assert outcomes(proof)[Level.CONTENTS] == "failed"
    assert "public.teams: 5 rows instead of 6" in reasons(proof, Level.CONTENTS)
    assert proof.reached == Level.PAGES


def test_damage_stops_the_climb_below_it_and_is_named(protected, climb) -> None:
    taken = protected.back_up()
    victim = protected.folder / taken.label / "globals.sql.zst.age"
    victim.write_bytes(victim.read_bytes()[:-3])

    proof = climb(taken.label)

    assert "globals.sql.zst.age" in reasons(proof, Level.REPOSITORY)
    assert outcomes(proof)[Level.RESTORE] == "failed"
    assert proof.reached == Level.MANIFEST


def test_an_unknown_set_is_an_error_not_an_answer(protected, climb) -> None:
    protected.back_up()
    with pytest.raises(SetUnknownError, match="none"):
        climb("none")


def test_without_the_key_the_repository_is_proven_and_the_restore_is_not(protected, climb, workshop) -> None:
    taken = protected.back_up()
    blind = protected.make(identities=None)
    subject = Subject(blind, blind.sets, workshop, Means(False, can_open=False, has_markers=False, has_far_copy=False))

    proof = verify(subject, taken.label, up_to=Level.COPY, expected=Expected(), progress=no_progress)

    assert proof.reached == Level.REPOSITORY
    assert "key" in reasons(proof, Level.RESTORE)


def test_a_bad_page_and_a_row_that_an_index_lost_are_named(scratch, workshop) -> None:
    programs = find_programs()
    with private_folder(scratch) as folder:
        create_data(folder / "data", programs)
        with running(folder, programs, workshop) as instance:
            with instance.connect() as conn:
                conn.execute("create table public.pages (id bigint primary key, told text)")
                conn.execute("insert into public.pages select n, repeat('x', 100) from generate_series(1, 1000) as n")
                conn.execute("create table public.lost (id bigint)")
                conn.execute("create index lost_idx on public.lost (id)")
                conn.execute("update pg_index set indisready = false where indexrelid = 'public.lost_idx'::regclass")
                conn.execute("insert into public.lost values (1)")
                conn.execute("update pg_index set indisready = true where indexrelid = 'public.lost_idx'::regclass")
                files = read_files(conn)
                (path,) = [path for path, name in files.items() if name == "public.pages"]
            (finding,) = check_indexes(instance, programs, database="postgres", jobs=1)
        assert "lost_idx" in finding
        assert check_pages(folder / "data", programs, files) == []
        damaged = folder / "data" / path
        content = bytearray(damaged.read_bytes())
        content[3 * 8192 + 4000] ^= 1
        damaged.write_bytes(content)

        assert check_pages(folder / "data", programs, files) == [f"public.pages: page 3 of {path} has a wrong checksum"]
