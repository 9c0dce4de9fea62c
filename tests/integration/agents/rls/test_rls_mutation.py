"""A sample of broken policies, which the tests or the proof must notice; bench/rls_mutation.py judges them all."""

import json
from pathlib import Path

import pytest
from attacks import DOORS
from caller import Database
from judge import Judge
from mutants import make_mutants, why_equivalent

from agents.migrate.access.files import MIGRATION, load_tables
from agents.migrate.statements import split_statements

EVERY = 41  # chosen: prime, so that the sample walks through all kinds; about 40 mutants
LEAST_SCORE = 0.95  # cited: issue 4, must show 4


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_nearly_every_broken_policy_is_noticed(rls: Database, rls_database: str, repository: Path, capsys) -> None:
    rls.conn.execute(DOORS.format(database=rls_database).encode())
    proof = (repository / "migrations" / f"{MIGRATION}.verify.sql").read_text(encoding="utf-8")
    judge = Judge(rls, [each.text for each in split_statements(proof)], attacks=25, seed=1)
    sample = [mutant for mutant in make_mutants(load_tables())[::EVERY] if not why_equivalent(mutant)]

    survivors = [mutant.name for mutant in sample if not judge.judge(mutant).is_caught]

    with capsys.disabled():
        print(json.dumps({"mutants": len(sample), "survived": survivors}))  # noqa: T201 - the score is the result
    assert 1 - len(survivors) / len(sample) >= LEAST_SCORE, survivors


def test_judge_finds_nothing_wrong_with_the_policies_as_they_are(rls: Database, rls_database: str, repository) -> None:
    """Without this control every mutant would count as caught by a judge that always complains."""
    rls.conn.execute(DOORS.format(database=rls_database).encode())
    proof = (repository / "migrations" / f"{MIGRATION}.verify.sql").read_text(encoding="utf-8")
    judge = Judge(rls, [each.text for each in split_statements(proof)], attacks=25, seed=1)
    untouched = next(mutant for mutant in make_mutants(load_tables()) if mutant.table == "teams")

    verdict = judge.judge(type(untouched)("nothing", "teams", "select 1"))

    assert not verdict.is_caught, verdict
