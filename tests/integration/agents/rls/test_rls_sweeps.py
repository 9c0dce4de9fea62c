"""Every person against every row of every table, against the oracle; also with one layer of access taken away."""

import pytest
from caller import Database
from sweeps import TABLES, is_let_through, run, sweeps_of


@pytest.mark.parametrize("table", TABLES)
def test_every_layer_lets_through_exactly_what_the_oracle_allows(rls: Database, table: str) -> None:
    different, cases, allowed = [], 0, 0
    for sweep in sweeps_of(table):
        for case, outcome in run(rls, sweep, table):
            cases += 1
            allowed += case.expected
            if is_let_through(outcome) != case.expected:
                different.append((sweep.name, case, outcome.error))

    assert different == []
    assert cases > 0
