import msgspec
import pytest

from agents.backup.contents import Contents, SequenceState, TableState
from agents.backup.differences import Difference, compare


def change(contents: Contents, **fields: object) -> Contents:
    return msgspec.structs.replace(contents, **fields)


def test_equal_contents_have_no_differences(contents) -> None:
    assert compare(contents, contents) == ()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"tables": {"public.teams": TableState(3, "0" * 32)}}, ("public.molecules", "the table is missing")),
        (
            {"tables": {"public.teams": TableState(2, "0" * 32), "public.molecules": TableState(5, "1" * 32)}},
            ("public.teams", "2 rows instead of 3"),
        ),
        (
            {"tables": {"public.teams": TableState(3, "9" * 32), "public.molecules": TableState(5, "1" * 32)}},
            ("public.teams", "3 rows as expected, but their content differs"),
        ),
        (
            {"sequences": {"public.audit_log_id_seq": SequenceState(11, is_called=True)}},
            ("public.audit_log_id_seq", "the sequence stands at 11 instead of 12"),
        ),
        ({"sequences": {}}, ("public.audit_log_id_seq", "the sequence is missing")),
        (
            {"schema_facts": {"relation public.teams": "c" * 16}},
            ("policy public.teams.teams_select", "missing from the schema"),
        ),
        (
            {"schema_facts": {"relation public.teams": "0" * 16, "policy public.teams.teams_select": "d" * 16}},
            ("relation public.teams", "defined differently"),
        ),
        (
            {"orphans": {"public.molecules.molecules_team_id_fkey": 2}},
            ("public.molecules.molecules_team_id_fkey", "2 rows without a parent instead of 0"),
        ),
        ({"migration_head": None}, ("migration head", "None instead of 0018_expand_complete_rls_policies")),
    ],
)
def test_a_difference_names_the_object_and_what_differs(contents, fields, expected) -> None:
    assert compare(contents, change(contents, **fields)) == (Difference(*expected),)


def test_another_major_version_compares_rows_and_not_definitions(contents) -> None:
    newer = change(
        contents,
        source=msgspec.structs.replace(contents.source, server_version_num=170011),
        schema_facts={},
    )

    assert compare(contents, newer) == ()


def test_ignored_objects_are_left_out(contents) -> None:
    other = change(contents, tables={**contents.tables, "public.teams": TableState(4, "2" * 32)})

    assert compare(contents, other, ignoring=["public.teams"]) == ()
