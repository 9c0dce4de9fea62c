import json
from pathlib import Path

import pytest

from cryo.errors import PermanentCryoError, TemporaryCryoError
from cryo.scans.verdict import Finding, judge_actionlint, judge_gitleaks, judge_pip_audit, judge_zizmor

FILES = [Path(".github/workflows/a.yml"), Path(".github/workflows/b.yml")]
READ_BOTH = "INFO audit: completed a.yml\nINFO audit: completed b.yml\n"
HOLE = {"id": "PYSEC-2018-28", "fix_versions": ["2.20.0"], "aliases": [], "description": "sends credentials on"}


def test_a_mistake_in_a_workflow_is_told_with_its_line():
    row = {"filepath": "a.yml", "line": 7, "column": 3, "kind": "expression", "message": "undefined variable"}

    assert judge_actionlint(json.dumps([row]), FILES).findings == (
        Finding("a.yml:7", "expression", "undefined variable"),
    )


def test_zizmor_counts_lines_from_0_and_people_from_1():
    place = {
        "symbolic": {
            "key": {"Local": {"verbatim_path": "a.yml"}},
            "annotation": "not pinned",
            "kind": "Primary",
        },
        "concrete": {"location": {"start_point": {"row": 4, "column": 8}}},
    }
    row = {"ident": "unpinned-uses", "desc": "unpinned", "locations": [place]}

    verdict = judge_zizmor(json.dumps([row]), READ_BOTH, FILES)

    assert (verdict.seen, verdict.findings) == (2, (Finding("a.yml:5", "unpinned-uses", "not pinned"),))


def test_a_leak_is_told_without_the_secret():
    row = {
        "File": "x.env",
        "StartLine": 3,
        "RuleID": "aws-access-token",
        "Description": "AWS",
        "Commit": "a" * 40,
        "Secret": "AKIA-not-repeated",
    }

    verdict = judge_gitleaks(json.dumps([row]), "12 commits scanned.")

    assert (verdict.seen, str(verdict.findings[0])) == (12, "x.env:3: aws-access-token: AWS (commit aaaaaaaaaaaa)")


def test_a_known_hole_names_the_version_that_corrects_it():
    rows = {"dependencies": [{"name": "requests", "version": "2.19.0", "vulns": [HOLE]}]}

    assert judge_pip_audit(json.dumps(rows)).findings == (
        Finding("requests 2.19.0", "PYSEC-2018-28", "corrected in 2.20.0"),
    )


def test_a_package_whose_advisories_could_not_be_read_is_no_pass():
    rows = {
        "dependencies": [
            {"name": "rich", "version": "14.0", "vulns": []},
            {"name": "typer", "version": "0.2", "skip_reason": "not found"},
        ]
    }

    with pytest.raises(TemporaryCryoError, match=r"1 of 2 packages could not be read \(typer"):
        judge_pip_audit(json.dumps(rows))


@pytest.mark.parametrize(
    ("judge", "said"),
    [
        (lambda: judge_actionlint("[]", []), "looked at no workflows"),
        (lambda: judge_zizmor("[]", "INFO audit: completed a.yml", FILES), "read 1 of 2 files"),
        (lambda: judge_gitleaks("[]", "0 commits scanned."), "looked at no commits"),
        (lambda: judge_gitleaks("[]", "silence"), "looked at no commits"),
        (lambda: judge_pip_audit('{"dependencies": []}'), "looked at no packages"),
    ],
)
def test_a_scanner_that_looked_at_nothing_has_not_passed(judge, said):
    with pytest.raises(PermanentCryoError, match=said):
        judge()


@pytest.mark.parametrize("printed", ["", "{", "null", '[{"another": "form"}]'])
def test_an_answer_in_an_unknown_form_is_no_pass(printed):
    with pytest.raises(PermanentCryoError, match="form that is not known"):
        judge_actionlint(printed, FILES)
