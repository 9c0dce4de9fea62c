"""Changes the colour by `pulumi up` again and again under load, and counts what the users of that time got.

Needs the platform up (`make up`). Each change edits a copy of the environment files, so the checkout stays as it is.
Usage: python bench/cutover.py [--changes 20] [--rate 300]
"""

import argparse
import asyncio
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import httpx
import yaml

sys.path.insert(0, str(Path(__file__).parent))
from load import Record, send_until
from report import CRYO, ROOT, report

URL = "http://127.0.0.1:8080/api/v1/predictions"
OTHER = {"blue": "green", "green": "blue"}
SETTLE_S = 3.0
# Measured: one change takes 11 s; ten times that ends a run that hangs.
CHANGE_LIMIT_S = 110.0


def colour_of_git(environments: Path) -> str:
    """Active colour in the copied environment file."""
    document = yaml.safe_load((environments / "local.yaml").read_text())
    return str(document["apps"]["model-server"]["active"])


def set_colour(environments: Path, colour: str) -> None:
    """Change the one line that a user would change."""
    path = environments / "local.yaml"
    path.write_text(path.read_text().replace(f"active: {OTHER[colour]}", f"active: {colour}"))


async def change_colour(environments: Path, colour: str) -> float:
    """Run `pulumi up` with the other colour active; returns its seconds."""
    set_colour(environments, colour)
    began_at = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        str(CRYO), "pulumi", "up", "--yes", "--skip-preview", "--non-interactive",
        env={**os.environ, "CRYO_ENVIRONMENTS": str(environments)},
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, errors = await process.communicate()
    if process.returncode != 0:
        message = f"pulumi up to {colour} ended with {process.returncode}:\n{errors.decode()[-2000:]}"
        raise RuntimeError(message)
    return time.monotonic() - began_at


async def run(changes: int, rate_per_s: float) -> tuple[Record, list[float]]:
    """Load and colour changes at the same time; ends on the colour it began with when `changes` is even."""
    with tempfile.TemporaryDirectory() as folder:
        environments = Path(folder) / "environments"
        shutil.copytree(ROOT / "environments", environments)
        done = asyncio.Event()
        limit_s = changes * CHANGE_LIMIT_S
        load = asyncio.create_task(send_until(done, URL, rate_per_s=rate_per_s, limit_s=limit_s))
        took_s = []
        try:
            await asyncio.sleep(SETTLE_S)
            for number in range(changes):
                colour = OTHER[colour_of_git(environments)]
                took_s.append(await change_colour(environments, colour))
                print(f"change {number + 1} of {changes}: {colour} in {took_s[-1]:.1f} s", flush=True)
            await asyncio.sleep(SETTLE_S)
        finally:
            done.set()
            record = await load
        return record, took_s


def switch_seconds(record: Record) -> list[float]:
    """For each change, seconds from the first answer of the new colour to the last of the old one."""
    spans = []
    answers = sorted(record.successes)
    current, first_new = answers[0][2], None
    for end, _, colour in answers:
        if colour != current and first_new is None:
            first_new = end
        if first_new is not None and end - first_new > SETTLE_S / 2:
            old = [e for e, _, c in answers if c == current and first_new <= e <= first_new + SETTLE_S / 2]
            spans.append(max(old, default=first_new) - first_new)
            current, first_new = OTHER[current], None
    return spans


def main() -> int:
    """Measure, print one JSON object, and fail when a request did."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--changes", type=int, default=20)
    parser.add_argument("--rate", type=float, default=320.0, help="requests started per second")
    chosen = parser.parse_args()
    httpx.get("http://127.0.0.1:8080/livez", timeout=5).raise_for_status()
    began_at = time.monotonic()
    record, took_s = asyncio.run(run(chosen.changes, chosen.rate))
    seconds = time.monotonic() - began_at
    spans = switch_seconds(record)
    figures = {
        "colour_changes": chosen.changes,
        "requests": len(record.successes) + len(record.failures),
        "failed": len(record.failures),
        "achieved_rate_per_s": round((len(record.successes) + len(record.failures)) / seconds, 1),
        "longest_gap_s": round(record.longest_gap_s, 3),
        "p50_ms": round(record.quantile_s(0.5) * 1000, 1),
        "p99_ms": round(record.quantile_s(0.99) * 1000, 1),
        "switch_seen_s_max": round(max(spans, default=0), 3),
        "pulumi_up_s_median": round(statistics.median(took_s), 1),
    }
    reasons = sorted({reason for _, reason in record.failures})
    peers = {
        "flagger#256": "54 of 249,974 failed (0.02 %)",
        "argo-rollouts 1.10": "0 of 147,346 failed, longest gap 0.31 s",
    }
    report("cutover", figures, peers, reasons=reasons)
    return 0 if not record.failures else 1


if __name__ == "__main__":
    sys.exit(main())
