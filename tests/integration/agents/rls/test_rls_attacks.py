"""Thousands of generated attacks: each answer is searched for rows that are not the attacker's, each change judged."""

import json
import os
from collections import Counter
from random import Random

import pytest
from attacks import DOORS, FAMILIES, generate
from caller import Database

SEED = int(os.environ.get("CRYO_TEST_RLS_SEED", "18"))
# Enough draws for each family to succeed once by somebody who may.
QUICK, FULL = 2_500, 12_000
# SQLSTATE classes of refusals: data, integrity, access and syntax, unsupported, wrong state, division.
HARMLESS = {"22", "23", "42", "0A", "55"}


@pytest.fixture
def attacked(rls: Database, rls_database: str) -> Database:
    rls.conn.execute(DOORS.format(database=rls_database).encode())
    return rls


@pytest.mark.parametrize(
    ("seed", "cases"),
    [
        pytest.param(SEED, QUICK, id="quick"),
        pytest.param(SEED + 1, FULL, id="full", marks=[pytest.mark.slow, pytest.mark.timeout(900)]),
    ],
)
def test_no_generated_attack_reads_or_changes_what_it_may_not(attacked: Database, capsys, seed, cases) -> None:
    leaks, surprises = [], []
    tried, succeeded = Counter[str](), Counter[str]()
    for attack in generate(Random(seed), attacked.world, cases):  # noqa: S311 - attacks are drawn, not secrets
        outcome, after = attacked.attempt(attack.who, attack.sql, before=attack.before, look=True)
        tried[attack.family] += 1
        succeeded[attack.family] += outcome.error is None and outcome.rowcount > 0
        found = attacked.leaks_read(attack.who, attack.sql, outcome) + attacked.leaks_write(attack.who, after)
        leaks += [(attack, found)] if found else []
        if outcome.error is not None and (outcome.error.sqlstate or "")[:2] not in HARMLESS:
            surprises.append((attack, repr(outcome.error)))

    with capsys.disabled():
        print(json.dumps({"attacks": sum(tried.values()), "leaks": len(leaks), "succeeded_rightly": succeeded.total()}))  # noqa: T201
    assert leaks == []
    assert surprises == []
    # What must never work for anybody has no control; every other kind of attack works for somebody who may.
    never = {"whole_table", "become_more", "call_private", "insert_with_id", "read_leaky_cast"}
    without_success = {family.__name__ for family, _ in FAMILIES if succeeded[family.__name__] == 0}
    assert never <= without_success
    assert without_success == never or cases < FULL
