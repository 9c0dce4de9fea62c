"""Kills the on-call agent at every point of its work, again and again, and counts lost and doubled messages.

Each kill is one test of tests/integration/agents/oncall/test_oncall_kills.py with its own database, mail server and
webhook; the delay after the point is seeded by its number.

Usage: python bench/oncall_kills.py [--rounds 20]
"""

import argparse
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from report import ROOT, report

TEST = "tests/integration/agents/oncall/test_oncall_kills.py"


def run(rounds: int) -> tuple[int, list[dict[str, object]]]:
    """Return how many kills ended with somebody untold or told too often, and what arrived after each other one."""
    argv = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", "--timeout=7200", TEST]
    environ = {**os.environ, "CRYO_ONCALL_KILLS": str(rounds)}
    done = subprocess.run(argv, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    lines = [line[line.index("{") :] for line in done.stdout.splitlines() if '"point"' in line]
    failed = done.stdout.count("\nFAILED ")
    if not lines:
        sys.exit(f"no kill took place: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return failed, [json.loads(line) for line in lines]


def main() -> None:
    """Run the campaign and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    failed, outcomes = run(rounds)
    copies: Counter[int] = Counter()
    doubled: Counter[str] = Counter()
    for outcome in outcomes:
        counts = [*outcome["mails"].values(), outcome["slacks"]]
        copies.update(counts)
        doubled[str(outcome["point"])] += sum(count > 1 for count in counts)
    figures = {
        "kills": len(outcomes),
        "failed_kills": failed,
        "messages": sum(copies.values()),
        "doubled_messages": sum(amount for count, amount in copies.items() if count > 1),
        "most_copies": max(copies),
        "doubled_by_point": dict(doubled),
    }
    report("oncall_kills", figures, {})


if __name__ == "__main__":
    main()
