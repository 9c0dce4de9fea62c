"""What `pulumi up` runs: check everything, then declare it. The order of a release is in `infra/program.py`."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime

import pulumi

from infra.errors import InfraError
from infra.live_guard import guard_update, open_cluster
from infra.program import Program, make_plan

# Cited: pulumi-language-python, "exited after showing a user actionable message". With any other code the engine adds
# an error of its own, and `pulumi.RunError` has another code.
ALREADY_TOLD = 32


def main() -> None:
    """Turn the stack's environment into resources, or into one error without a traceback."""
    try:
        plan = make_plan(pulumi.get_stack(), variables=os.environ)
        seen = guard_update(plan, open_cluster(plan), now=datetime.now(UTC))
    except InfraError as error:
        pulumi.log.error(str(error))
        sys.exit(ALREADY_TOLD)
    for note in seen.notes:
        pulumi.log.warn(note)
    Program(plan, seen=seen).deploy()


main()
