"""The agent is killed at every point of its work: everybody is told, and nobody more often than the accident explains.

CRYO_ONCALL_KILLS repeats each point so often; `bench/oncall_kills.py` does and prints the figures.
"""

import json
import os
import random

import oncall_kills
import pytest

ROUNDS = int(os.environ.get("CRYO_ONCALL_KILLS", "1"))
# One kill: whatever was being sent then, and nothing else, may arrive once more.
MOST_COPIES = 2


@pytest.mark.parametrize("point", oncall_kills.POINTS)
@pytest.mark.parametrize("number", range(ROUNDS))
def test_killed_anywhere_everybody_is_told_and_nobody_too_often(  # noqa: PLR0917 - fixtures
    point, number, make_agent, migrated, sinks, webhook
) -> None:
    with migrated.connect() as conn:
        conn.execute(oncall_kills.TRIGGERS)
    agent = make_agent(step_s=1).start()

    # A seed per kill, so that a failure can be repeated.
    delay_s = random.Random(f"{point} {number}").uniform(0, 0.1) if number else 0.0  # noqa: S311
    outcome = oncall_kills.kill_at(oncall_kills.Accident(point, delay_s), agent, sinks, migrated, webhook())

    if ROUNDS > 1:
        print(json.dumps({"point": point, "mails": outcome.mails, "slacks": outcome.slacks}))  # noqa: T201 - the bench reads it
    assert outcome.mails.keys() == {"ann@example.org", "bob@example.org"}
    assert max(outcome.mails.values()) <= MOST_COPIES
    assert 1 <= outcome.slacks <= MOST_COPIES
