"""Runs the matrix, the oracle and a part of the attacks against a mutant, and says what noticed it."""

from dataclasses import dataclass
from random import Random

import psycopg
from attacks import generate
from caller import Database, token
from matrix import ROLES, build_matrix, passed
from mutants import Mutant
from psycopg import errors as pg
from sweeps import find_difference
from world import make_id

# Tables whose rows follow another's.
_BELOW = {
    "projects": ("molecules", "mixtures", "experiments"),
    "molecules": ("mixture_components", "shared_content"),
    "mixtures": ("mixture_components", "shared_content"),
    "experiments": ("experiment_properties", "lab_verifications", "shared_content"),
    "teams": ("user_team_membership", "shared_content"),
}


@dataclass(frozen=True)
class Verdict:
    """What noticed a mutant; nothing when it survived."""

    mutant: Mutant
    by_behaviour: str
    by_catalog: str

    @property
    def is_caught(self) -> bool:
        return bool(self.by_behaviour or self.by_catalog)


class Judge:
    """Judges mutants of one database, each in a savepoint."""

    def __init__(self, database: Database, proofs: list[str], *, attacks: int, seed: int) -> None:
        self._database, self._proofs, self._attacks, self._seed = database, proofs, attacks, seed
        self._matrix = build_matrix()

    def judge(self, mutant: Mutant) -> Verdict:
        conn = self._database.conn
        conn.execute("savepoint mutant")
        try:
            conn.execute(mutant.sql.encode())
            return Verdict(mutant, self._behaves(mutant), self._proves())
        finally:
            conn.execute("rollback to savepoint mutant; release savepoint mutant")

    def _behaves(self, mutant: Mutant) -> str:
        tables = (mutant.table, *_BELOW.get(mutant.table, ())) if mutant.table else ()
        return self._matrix_fails(tables) or self._sweep_differs(mutant) or self._attack_works(mutant, tables)

    def _matrix_fails(self, tables: tuple[str, ...]) -> str:
        for cell in self._matrix:
            if tables and cell.table not in tables:
                continue
            for role in ROLES:
                outcome, _ = self._database.attempt(token(role), cell.sql)
                if passed(cell, outcome) != (role in cell.allowed):
                    return f"matrix: {role} {cell.command} {cell.table}"
        leave = f"delete from public.user_team_membership where user_id = '{make_id('owner')}'"  # noqa: S608 - a constant
        outcome, _ = self._database.attempt(token("owner"), leave)
        return "" if isinstance(outcome.error, pg.CheckViolation) else "matrix: the last owner leaves"

    def _sweep_differs(self, mutant: Mutant) -> str:
        # A function is behind the policies of every table; these ask each of them.
        tables = (mutant.table,) if mutant.table else ("molecules", "user_team_membership", "teams", "user_profiles")
        tables += ("shared_content",) if mutant.name.startswith("my_controlled") else ()
        for table in tables:
            if difference := find_difference(self._database, table, mutant.command):
                return f"sweep: {difference[:200]}"
        return ""

    def _attack_works(self, mutant: Mutant, tables: tuple[str, ...]) -> str:
        database = self._database
        count = self._attacks if tables else 3 * self._attacks
        drawn = Random(f"{self._seed} {mutant.name}")  # noqa: S311 - attacks are drawn, not secrets
        for attack in generate(drawn, database.world, count, tables[:1]):
            outcome, after = database.attempt(attack.who, attack.sql, before=attack.before, look=True)
            leaks = database.leaks_read(attack.who, attack.sql, outcome) + database.leaks_write(attack.who, after)
            if leaks:
                return f"attack: {attack.family}: {leaks[0][:80]}"
        return ""

    def _proves(self) -> str:
        for number, proof in enumerate(self._proofs, start=1):
            try:
                rows = self._database.conn.execute(proof.encode()).fetchall()
            except psycopg.Error as error:  # a proof that cannot run proves nothing
                return f"proof {number}: {error}"
            if rows:
                return f"proof {number}: {rows[0]}"
        return ""
