"""Counts how many ways to break the policies are noticed; needs nothing but PostgreSQL's binaries.

Each mutant is one changed clause, policy, grant, trigger or function. It is judged by behaviour (the role matrix, the
sweeps against the oracle, generated attacks) and by the catalog proof that `migrate verify` runs. The last line is one
JSON object.

Usage: python bench/rls_mutation.py [--match molecules] [--every 1] [--attacks 40] [--jobs 2]
"""

import argparse
import re
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from report import ROOT, report
from throwaway_postgres import ThrowawayPostgres, throwaway_postgres

sys.path.insert(0, str(ROOT / "tests" / "integration" / "agents" / "rls"))
from attacks import DOORS
from caller import Database
from judge import Judge, Verdict
from mutants import Mutant, make_mutants, why_equivalent
from world import build_world, plant

from agents.migrate.access.files import MIGRATION, load_tables
from agents.migrate.statements import split_statements

TEMPLATE = "planted"


def prepare(server: ThrowawayPostgres) -> None:
    """Make the database that every job copies."""
    with server.connect() as conn:
        conn.execute(f"create database {TEMPLATE}")
    with server.connect(TEMPLATE) as conn:
        conn.execute((ROOT / "migrations" / "schema.sql").read_bytes())
        plant(conn, build_world())


def judge_part(server: ThrowawayPostgres, attacks: int, part: tuple[int, Sequence[Mutant]]) -> list[Verdict]:
    """Judge some mutants in a database of their own."""
    number, mutants = part
    name = f"part_{number}"
    with server.connect() as conn:
        conn.execute(f"create database {name} template {TEMPLATE}")
    proof = (ROOT / "migrations" / f"{MIGRATION}.verify.sql").read_text(encoding="utf-8")
    with server.connect(name, autocommit=False) as conn:
        conn.prepare_threshold = None
        database = Database(conn, build_world())
        conn.execute(DOORS.format(database=name).encode())
        judge = Judge(database, [each.text for each in split_statements(proof)], attacks=attacks, seed=1)
        verdicts = []
        for mutant in mutants:
            verdicts.append(judge.judge(mutant))
            if not verdicts[-1].is_caught:
                print(f"survived: {mutant.name} ({why_equivalent(mutant) or 'no reason known'})", file=sys.stderr)
        conn.rollback()
    return verdicts


def main() -> int:
    """Judge all mutants and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--match", default="", help="only mutants whose name matches")
    parser.add_argument("--every", type=int, default=1, help="only every n-th of them")
    parser.add_argument("--attacks", type=int, default=40)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    mutants = [each for each in make_mutants(load_tables()) if re.search(options.match, each.name)][:: options.every]
    began_at = time.monotonic()
    with throwaway_postgres(fsync="off") as server:
        prepare(server)
        parts = list(enumerate(mutants[number :: options.jobs] for number in range(options.jobs)))
        with ProcessPoolExecutor(options.jobs) as pool:
            verdicts = [each for part in pool.map(partial(judge_part, server, options.attacks), parts) for each in part]
    survivors = [verdict.mutant for verdict in verdicts if not verdict.is_caught]
    unexplained = sorted(mutant.name for mutant in survivors if not why_equivalent(mutant))
    kinds = Counter(verdict.by_behaviour.split(":")[0] or "catalog alone" for verdict in verdicts if verdict.is_caught)
    figures = {
        "mutants": len(verdicts),
        "caught": len(verdicts) - len(survivors),
        "caught_by_behaviour": sum(bool(verdict.by_behaviour) for verdict in verdicts),
        "score_ratio": round(1 - len(survivors) / max(1, len(verdicts)), 4),
        "score_without_equivalent_ratio": round(
            1 - len(unexplained) / max(1, len(verdicts) - len(survivors) + len(unexplained)), 4
        ),
        "took_s": round(time.monotonic() - began_at, 1),
    }
    reasons = Counter(why_equivalent(mutant) for mutant in survivors if why_equivalent(mutant))
    report(
        "rls_mutation", figures, {"limit": 0.95}, first_noticed_by=kinds, equivalent=reasons, unexplained=unexplained
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
