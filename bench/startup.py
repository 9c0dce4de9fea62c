"""Stops the embedded cluster, starts it again, and measures both; data stays. Needs `make up` once before.

Usage: python bench/startup.py
"""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from report import CRYO, report

LIMIT_S = 600


def run(*arguments: str) -> tuple[float, subprocess.CompletedProcess[str]]:
    """Seconds and outcome of one command."""
    began_at = time.monotonic()
    done = subprocess.run([CRYO, *arguments], capture_output=True, text=True, check=False, timeout=LIMIT_S)
    return time.monotonic() - began_at, done


def seconds_until(lines: str, mark: str) -> float:
    """Time stamp of the first progress line that holds a mark."""
    line = next(line for line in lines.splitlines() if mark in line)
    return float(re.match(r"\s*([\d.]+)", line)[1])


def main() -> int:
    """Measure and print one JSON object."""
    down_s, down = run("down")
    down.check_returncode()
    up_s, up = run("up", "--skip-deploy")
    up.check_returncode()
    began_at = time.monotonic()
    while run("status", "--json")[1].returncode != 0 and time.monotonic() - began_at < LIMIT_S:
        time.sleep(0.5)
    well_s = time.monotonic() - began_at
    status = json.loads(run("status", "--json")[1].stdout)
    first_s = seconds_until(up.stderr, "certificates")
    figures = {
        "control_plane_ready_s": round(seconds_until(up.stderr, "kube-scheduler: started") - first_s, 1),
        "node_ready_s": round(seconds_until(up.stderr, "node cryo-node: ready") - first_s, 1),
        "all_pods_ready_after_up_s": round(well_s, 1),
        "up_s": round(up_s, 1),
        "down_s": round(down_s, 1),
        "cluster_memory_mb": round(status["memory_bytes"] / 1e6),
    }
    report("startup", figures, {"limit of issue 3": "node ready in 60 s, 1,500 MB"})
    return 0 if status["well"] else 1


if __name__ == "__main__":
    sys.exit(main())
