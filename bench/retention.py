"""How fast retention is planned, and whether every claim holds on many random calendars.

usage: retention.py [--calendars 100000] [--seed 1]
"""

import argparse
import random
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta

from campaigns.retention_calendars import NOW, broken_claims, draw_candidates, draw_rules
from report import report

from agents.backup.retention import RetentionRules, plan_retention

_CHUNK = 500
_RUNS = 5


def main() -> None:
    """Run both, print the figures; exit 1 when a claim is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calendars", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    seconds = [_plan_many(seed) for seed in range(_RUNS)]
    began = time.monotonic()
    broken: list[str] = []
    starts = range(chosen.seed, chosen.seed + chosen.calendars, _CHUNK)
    with ProcessPoolExecutor() as pool:
        for done, found in enumerate(pool.map(check_calendars, starts), start=1):
            broken += found
            print(f"{min(done * _CHUNK, chosen.calendars)} calendars, {len(broken)} broken claims", file=sys.stderr)
    for sentence in broken[:20]:
        print(sentence, file=sys.stderr)
    figures = {
        "plan_10000_sets_median_s": round(statistics.median(seconds), 3),
        "plan_10000_sets_max_s": round(max(seconds), 3),
        "calendars": chosen.calendars,
        "broken_claims": len(broken),
        "campaign_s": round(time.monotonic() - began, 1),
    }
    report("retention", figures, {}, seed=chosen.seed)
    sys.exit(1 if broken else 0)


def check_calendars(first_seed: int) -> list[str]:
    """Check a chunk of calendars; each is made from its own seed, which a broken claim names."""
    found = []
    for seed in range(first_seed, first_seed + _CHUNK):
        draw = random.Random(seed)  # noqa: S311 - repeatable, not secret
        candidates, rules = draw_candidates(draw, draw.randint(0, 40)), draw_rules(draw)
        found += [f"seed {seed}: {sentence}" for sentence in broken_claims(candidates, rules, NOW)]
    return found


def _plan_many(seed: int) -> float:
    candidates = draw_candidates(random.Random(seed), 10_000)  # noqa: S311
    rules = RetentionRules(hourly=48, daily=14, weekly=8, monthly=24, yearly=5, window=timedelta(days=14), min_fulls=3)
    began = time.perf_counter()
    plan = plan_retention(candidates, rules, NOW)
    _ = plan.expired
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
