"""Measures what row-level security costs: the same query under the policies, and with a predicate written by hand.

Both sides speak as PostgREST does (authenticator, then SET ROLE); the side without policies is the service role. They
take turns, so that whatever else the machine does falls on both. Starts its own PostgreSQL.

Usage: python bench/rls.py [--rows 1000000] [--teams 1000] [--runs 400]
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg

sys.path.insert(0, str(Path(__file__).parent))
from report import ROOT, report
from throwaway_postgres import ThrowawayPostgres, throwaway_postgres

DATABASE = "rls"
ROWS_SQL = Path(__file__).with_name("rls_rows.sql")
OWNER_LIMIT, TEAM_LIMIT = 1.10, 1.30  # cited: issue 4, must show 5
WARM_UP = 30
USER, TEAM = "select md5('user42')::uuid", "select md5('team42')::uuid"


@dataclass(frozen=True)
class Query:
    """One question, asked under the policies and without them."""

    name: str
    under_policies: str
    by_hand: str


QUERIES = (
    Query(
        "owner",
        "select id, name, smiles from public.molecules where created_by = %(user)s",
        "select id, name, smiles from public.molecules where created_by = %(user)s",
    ),
    Query(
        "team",
        "select id, name, smiles from public.molecules where team_id = %(team)s",
        "select id, name, smiles from public.molecules where team_id = %(team)s",
    ),
    # Everything that the caller may see: only the policy narrows it, against the same predicate with known values.
    Query(
        "everything",
        "select id, name, smiles from public.molecules",
        "select id, name, smiles from public.molecules where created_by = %(user)s or team_id = any (%(teams)s)"
        " or id = any (%(shared)s)",
    ),
    Query(
        "one_row",
        "select id, name, smiles from public.molecules where id = %(id)s",
        "select id, name, smiles from public.molecules where id = %(id)s",
    ),
)


def fill(server: ThrowawayPostgres, rows: int, teams: int) -> None:
    """Make the schema with its policies, and the rows."""
    with server.connect() as conn:
        conn.execute(f"create database {DATABASE}")
    with server.connect(DATABASE) as conn:
        conn.execute((ROOT / "migrations" / "schema.sql").read_bytes())
        for statement in ROWS_SQL.read_text(encoding="utf-8").split(";\n"):
            # psycopg would send numbers as parameters, which generate_series accepts; the text stays one statement.
            conn.execute(statement.encode(), {"rows": rows, "teams": teams})
        conn.execute("vacuum (freeze, analyze)")


def open_session(server: ThrowawayPostgres, role: str, user: str, *, prepared: bool) -> psycopg.Connection:
    """Become a role the way PostgREST does, with a token's claims."""
    conn = server.connect(DATABASE)
    conn.prepare_threshold = 0 if prepared else None
    conn.execute("set session authorization authenticator")
    conn.execute("set role service_role" if role == "service_role" else "set role authenticated")
    conn.execute("select set_config('request.jwt.claims', %s, false)", (json.dumps({"sub": user, "role": role}),))
    return conn


def compare(
    policies: psycopg.Connection, by_hand: psycopg.Connection, query: Query, values: Mapping[str, object], runs: int
) -> tuple[float, float, int]:
    """Median milliseconds of both sides, and how many rows both returned."""
    sides = ((policies, query.under_policies), (by_hand, query.by_hand))
    took: tuple[list[float], list[float]] = ([], [])
    counts = [0, 0]
    for run in range(runs + WARM_UP):
        # Whoever is second finds the pages in the processor's cache, so they swap.
        for side in (0, 1) if run % 2 else (1, 0):
            conn, text = sides[side]
            began_at = time.perf_counter()
            counts[side] = len(conn.execute(text.encode(), values).fetchall())
            if run >= WARM_UP:
                took[side].append((time.perf_counter() - began_at) * 1000)
    if counts[0] != counts[1]:
        message = f"{query.name}: {counts[0]} rows under the policies, {counts[1]} by hand; they ask different things"
        raise RuntimeError(message)
    return statistics.median(took[0]), statistics.median(took[1]), counts[0]


def read_plan(conn: psycopg.Connection, query: Query, values: Mapping[str, object]) -> dict[str, object]:
    """Node types of the plan under the policies, and how often each InitPlan ran."""
    row = conn.execute(f"explain (analyze, format json) {query.under_policies}".encode(), values).fetchone()
    nodes: list[str] = []
    init_plans: list[int] = []
    open_nodes = [row[0][0]["Plan"]]
    while open_nodes:
        node = open_nodes.pop(0)
        nodes.append(node["Node Type"])
        if node.get("Parent Relationship") == "InitPlan":
            init_plans.append(node["Actual Loops"])
        open_nodes += node.get("Plans", [])
    return {"nodes": nodes, "init_plans": len(init_plans), "init_plan_loops": max(init_plans, default=0)}


def read_values(server: ThrowawayPostgres) -> dict[str, object]:
    """One user, what he may see, and one of his rows."""
    with server.connect(DATABASE) as conn:
        user, team = (conn.execute(text).fetchone()[0] for text in (USER, TEAM))
        conn.execute("select set_config('request.jwt.claims', %s, false)", (json.dumps({"sub": str(user)}),))
        teams = [row[0] for row in conn.execute("select private.my_teams('view')")]
        shared = [row[0] for row in conn.execute("select private.my_shared('molecule', 'view')")]
        shared += [
            row[0]
            for row in conn.execute(
                "select molecules.id from public.molecules join private.my_shared_projects() as opened"
                " on opened.project_id = molecules.project_id"
                " and opened.holder_id = coalesce(molecules.team_id, molecules.created_by)"
            )
        ]
        one = conn.execute("select id from public.molecules where created_by = %s limit 1", (user,)).fetchone()[0]
    return {"user": user, "team": team, "teams": teams, "shared": shared, "id": one}


def main() -> int:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--teams", type=int, default=1_000)
    parser.add_argument("--runs", type=int, default=400)
    options = parser.parse_args()
    figures: dict[str, object] = {"rows": options.rows, "teams": options.teams}
    plans: dict[str, object] = {}
    with throwaway_postgres(shared_buffers="1GB", fsync="off", max_wal_size="4GB", jit="off") as server:
        fill(server, options.rows, options.teams)
        values = read_values(server)
        for prepared in (True, False):
            kind = "prepared" if prepared else "planned_each_time"
            policies = open_session(server, "authenticated", str(values["user"]), prepared=prepared)
            by_hand = open_session(server, "service_role", str(values["user"]), prepared=prepared)
            for query in QUERIES:
                with_ms, without_ms, rows = compare(policies, by_hand, query, values, options.runs)
                figures[f"{query.name}_{kind}"] = {
                    "rows": rows,
                    "policies_ms": round(with_ms, 3),
                    "by_hand_ms": round(without_ms, 3),
                    "ratio": round(with_ms / without_ms, 3),
                }
                plans.setdefault(query.name, read_plan(policies, query, values))
            policies.close()
            by_hand.close()
    report("rls", figures, {"owner_limit": OWNER_LIMIT, "team_limit": TEAM_LIMIT}, plans=plans)
    return 0


if __name__ == "__main__":
    sys.exit(main())
