"""What a check's file must say, and what its numbers decide."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.health.definition import Profile, Severity, Threshold, parse_check
from agents.health.errors import CheckFileError, SelectionError
from agents.health.facts import Facts, reason_to_skip
from agents.health.handbook import render_handbook
from agents.health.registry import list_groups, load_checks, select_checks
from agents.health.settings import HealthSettings
from agents.health.statements import Layout, count_rows, fill_in, union_queries
from agents.runtime.errors import SettingsError

HEAD = 'severity = "warn"\nmeaning = "m"\nremedy = "r"'
CHECKS = list(load_checks().values())


def write(head: str = HEAD, body: str = "select 'a' as object;", title: str = "-- A thing") -> str:
    return f"{title}\n/*\n{head}\n*/\n{body}\n"


def make_facts(**told) -> Facts:
    plain = {
        "version_number": 170_011,
        "version": "17.11",
        "in_recovery": False,
        "superuser": False,
        "monitor": True,
        "statistics_age_s": 1e6,
        "extensions": {"amcheck": "extensions"},
        "relations": frozenset({"public.backup_catalogue"}),
        "roles": frozenset({"anon"}),
    }
    return Facts(**{**plain, **told})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (write(title="A thing"), "first line"),
        (write(head='severity = "loud"\nmeaning = "m"\nremedy = "r"'), "severity"),
        (write(head=HEAD + "\nunknown = 1"), "unknown"),
        (write(head="severity = "), "Invalid"),
        (write(body=""), "needs SQL"),
        (write(head=HEAD + "\nmeasured = true"), "needs SQL"),
        (write(head='meaning = "m"\nremedy = "r"'), "severity"),
    ],
    ids=["no title", "bad severity", "unknown key", "no TOML", "no SQL", "measured with SQL", "no severity"],
)
def test_a_broken_file_is_refused_with_its_name(text, told):
    with pytest.raises(CheckFileError, match=told) as refused:
        parse_check("schema", "made", text)

    assert "checks/schema/made.sql" in str(refused.value)


def test_sql_is_chosen_by_the_version_of_the_server():
    check = parse_check("schema", "made", write(body="select 15;\n-- @from 17\nselect 17;\n-- @from 18\nselect 18;"))

    assert [check.statement_for(major) for major in (14, 16, 17, 18, 19)] == [
        "select 15", "select 15", "select 17", "select 18", "select 18",
    ]  # fmt: skip


@pytest.mark.parametrize("check", CHECKS, ids=lambda each: each.id)
def test_every_shipped_check_says_what_a_person_needs(check):
    assert check.meaning.endswith(".")
    assert check.remedy.endswith(".")
    assert not check.title.endswith(".")
    assert all(":" in name for name in check.also)
    if check.threshold:
        assert check.threshold.unit
        assert check.threshold.source.partition(":")[0] in {"chosen", "cited", "measured"}
    if check.threshold and check.threshold.critical is not None:
        assert check.threshold.reaches(check.threshold.critical, check.threshold.warn)
    if check.fix:
        assert "fix_sql" in "".join(check.statements.values())


@pytest.mark.parametrize("check", [each for each in CHECKS if not each.measured], ids=lambda each: each.id)
@pytest.mark.parametrize("major", [15, 16, 17, 18])
def test_every_name_in_a_checks_sql_is_known(check, major):
    extensions = dict.fromkeys(check.requires.extensions, "extensions")

    text = fill_in(check, make_facts(version_number=major * 10_000, extensions=extensions), Layout())

    assert "@" not in text.replace("@>", "")


def test_the_thirteen_groups_are_there():
    assert len(list_groups()) == 13
    assert {each.group for each in select_checks(Profile.QUICK)} < set(list_groups())


def test_a_group_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(SelectionError, match="availability, backups"):
        select_checks(Profile.FULL, ["indices"])


@pytest.mark.parametrize(
    ("requires", "facts", "told"),
    [
        ({"server_from": 18}, {}, "PostgreSQL 18"),
        ({"primary": True}, {"in_recovery": True}, "standby"),
        ({"superuser": True}, {}, "superuser"),
        ({"schema_file": True}, {}, "schema.sql"),
        ({"monitor": True}, {"monitor": False}, "pg_monitor"),
        ({"statistics_age_s": 7200}, {"statistics_age_s": 3600}, "1.0 h old"),
        ({"extensions": ["hypopg"]}, {}, "hypopg"),
        ({"relations": ["public.nothing"]}, {}, "public.nothing"),
        ({"roles": ["authenticated"]}, {}, "authenticated"),
    ],
)
def test_what_cannot_be_asked_is_skipped_with_its_reason(requires, facts, told):
    check = parse_check("schema", "made", write())
    check = msgspec.structs.replace(check, requires=msgspec.convert(requires, type(check.requires)))

    assert told in str(reason_to_skip(check, make_facts(**facts)))


@given(value=st.floats(allow_nan=False), warn=st.floats(allow_nan=False), below=st.booleans())
def test_a_threshold_is_part_of_what_it_forbids(value, warn, below):
    limits = Threshold(warn=warn, unit="u", source="chosen: c", below=below)

    assert limits.reaches(warn, warn)
    assert limits.reaches(value, warn) == ((value <= warn) if below else (value >= warn))


def test_a_value_beyond_the_second_limit_is_critical():
    limits = Threshold(warn=1, critical=5, unit="u", source="chosen: c")
    check = msgspec.structs.replace(parse_check("schema", "made", write()), threshold=limits)

    assert [check.severity_of(value) for value in (1.0, 4.9, 5.0, None)] == [
        Severity.WARN, Severity.WARN, Severity.CRITICAL, Severity.WARN,
    ]  # fmt: skip


def test_a_name_of_an_object_cannot_leave_its_place():
    joined = union_queries([("public.it's \\ ; drop", "select 1 as value")])

    assert "'; drop'" not in joined
    assert "''s" in joined


def test_only_rows_beyond_the_limit_are_sent():
    limits = Threshold(warn=0.5, below=True, unit="u", source="chosen: c")
    check = msgspec.structs.replace(parse_check("schema", "made", write()), threshold=limits)

    assert "found.value <= 0.5 order by found.value asc" in count_rows(check, "select 1", 10)


def test_a_deployment_changes_numbers_and_adds_what_may_stand(tmp_path):
    own = tmp_path / "health.toml"
    own.write_text(
        '[checks."connections.used"]\nwarn = 0.5\n[checks."indexes.unused".parameters]\nsize_bytes = 7\n'
        '[[accept]]\ncheck = "schema.rule"\nobject = "public.old"\nreason = "goes next month"\n'
    )

    settings = HealthSettings.from_environ({"CRYO_HEALTH_SETTINGS": str(own)})
    changed = {each.id: each for each in settings.apply(CHECKS)}

    assert changed["connections.used"].threshold.warn == 0.5
    assert changed["connections.used"].threshold.critical == 0.95
    assert changed["indexes.unused"].parameters == {"size_bytes": 7}
    assert [each.object for each in settings.accept][-1] == "public.old"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('[checks."schema.rule"]\nwarn = 1', SelectionError),
        ('[checks."indexes.unused".parameters]\nbytes = 7', SelectionError),
        ("[[accept]]\ncheck = 'a'", SettingsError),
        ("colour = 1", SettingsError),
    ],
    ids=["no threshold", "no such parameter", "no reason", "unknown key"],
)
def test_a_setting_that_means_nothing_is_refused(tmp_path, text, error):
    own = tmp_path / "health.toml"
    own.write_text(text)

    with pytest.raises(error):
        HealthSettings.from_environ({"CRYO_HEALTH_SETTINGS": str(own)}).apply(CHECKS)


def test_a_settings_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="No such file"):
        HealthSettings.from_environ({"CRYO_HEALTH_SETTINGS": str(tmp_path / "none.toml")})


def test_the_handbook_has_every_check_as_it_is():
    document = (Path(__file__).resolve().parents[4] / "docs" / "health.md").read_text(encoding="utf-8")

    written = document.partition("<!-- checks -->")[2].strip().splitlines()

    assert written == render_handbook(CHECKS)


def test_a_schema_file_that_was_named_must_be_there():
    with pytest.raises(SettingsError, match="CRYO_HEALTH_SCHEMA"):
        HealthSettings.from_environ({"CRYO_HEALTH_SCHEMA": "/nowhere/schema.sql"})
