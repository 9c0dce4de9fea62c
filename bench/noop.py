"""Measures commands that have nothing to do: `cryo up`, `pulumi up` and the drift check. Needs the platform up.

Usage: python bench/noop.py [--runs 5]
"""

import argparse
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from report import CRYO, report


def measure(arguments: tuple[str, ...], runs: int) -> tuple[float, str]:
    """Median seconds over some runs, and what the last one printed."""
    took_s, printed = [], ""
    for _ in range(runs):
        began_at = time.monotonic()
        done = subprocess.run([CRYO, *arguments], capture_output=True, text=True, check=True, timeout=600)
        took_s.append(time.monotonic() - began_at)
        printed = done.stderr
    return statistics.median(took_s), printed


def main() -> int:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    pulumi = ("pulumi", "up", "--yes", "--skip-preview", "--non-interactive")
    drift = ("pulumi", "refresh", "--preview-only", "--expect-no-changes", "--non-interactive")
    toolchain_s, _ = measure(("toolchain",), runs)
    up_s, _ = measure(("up",), runs)
    pulumi_s, printed = measure(pulumi, runs)
    drift_s, _ = measure(drift, runs)
    engine = re.search(r"Duration: (\d+)s", printed)
    figures = {
        "toolchain_s": round(toolchain_s, 2),
        "cryo_up_s": round(up_s, 1),
        "pulumi_up_s": round(pulumi_s, 1),
        "pulumi_engine_s": int(engine[1]) if engine else None,
        "drift_check_s": round(drift_s, 1),
    }
    report(
        "noop", figures, {"limit of issue 3": "up 90 s, engine 5 s, toolchain 1 s"}, unchanged="unchanged" in printed
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
