"""The engine `foreign-keys`: brings declared relations to their declared shape while the database serves."""

from collections.abc import Mapping
from dataclasses import dataclass

from agents.migrate.foreign_keys.actions import CHANGES_ROWS, Action, RelationPlan, Step
from agents.migrate.foreign_keys.backup import require_backup
from agents.migrate.foreign_keys.changes import change_shape
from agents.migrate.foreign_keys.declaration import Declaration, Relation, parse_declaration
from agents.migrate.foreign_keys.errors import NotConvergedError, RelationRefusedError
from agents.migrate.foreign_keys.history import begin_report, end_report
from agents.migrate.foreign_keys.live import LiveRelation
from agents.migrate.foreign_keys.orphans import orphan_sql, uncastable_sql
from agents.migrate.foreign_keys.plan import plan_relations
from agents.migrate.foreign_keys.repair import Repair
from agents.migrate.foreign_keys.report import Report, describe_handled, make_report
from agents.migrate.foreign_keys.rows import clean_rows
from agents.migrate.foreign_keys.survey import ScanBudget, read_tables, survey
from agents.migrate.model import Migration
from agents.migrate.runner import Attempts, Runner
from agents.runtime.errors import AgentError
from agents.runtime.postgres import Connection

# Chosen: one pass does everything unless writers race with it; each further one repairs what they left behind.
_MAX_PASSES = 6
# Measured on two busy cores: rewriting 100,000 narrow rows with three indexes took 0.9 s; half of that keeps the
# stall within the 500 ms that writers may be made to wait for any lock. Cannot see wide rows; a statement timeout
# stops those.
REWRITE_LIMIT_ROWS = 50_000


class ForeignKeyEngine:
    """Repairs the relations that a migration declares."""

    def describe(self, conn: Connection, migration: Migration) -> tuple[str, ...]:
        """Say what `apply` would do and why, with the number of rows; changes nothing."""
        report = inspect(conn, migration)
        waiting = [each.relation for each in report.relations if each.is_missing]
        lines = report.reasons
        if waiting:
            lines.append(f"{len(waiting)} relations wait for tables that do not exist yet: {', '.join(waiting)}")
        return tuple(lines) or ("every relation is as declared",)

    def apply(self, runner: Runner, migration: Migration) -> Attempts:
        """Repair every relation, and look again until nothing is left to do.

        Raises:
            RelationRefusedError: a relation cannot be repaired; nothing was changed.
            BackupMissingError: rows would be changed without a verified backup; nothing was changed.
            LockTimedOutError: a lock was not to be had; the steps before it stay, the next run goes on.
            NotConvergedError: something keeps undoing the repair.
        """
        repair = Repair(runner, migration.name, scan_budget(migration))
        _Run(repair, _declaration(migration)).run()
        return repair.attempts


def inspect(conn: Connection, migration: Migration) -> Report:
    """Look at every declared relation and count its orphans; changes nothing."""
    declaration = _declaration(migration)
    live = survey(conn, declaration, scan_budget(migration))
    return make_report(plan_relations(declaration, live), live)


def scan_budget(migration: Migration) -> ScanBudget:
    """Return the budgets of a migration's header, as scans use them."""
    return ScanBudget(migration.lock_budget_ms, migration.statement_budget_s, REWRITE_LIMIT_ROWS)


def _declaration(migration: Migration) -> Declaration:
    return parse_declaration(f"{migration.name}.toml", migration.declaration)


@dataclass(slots=True)
class _Run:
    """One application, from the first look to the proof."""

    repair: Repair
    declaration: Declaration
    backup: str = ""

    def run(self) -> None:
        plan, live = self._look()
        before = make_report(plan, live)
        self._refuse(plan, "nothing was changed")
        self._require_backup(plan)
        runner = self.repair.runner
        number = begin_report(runner, self.repair.migration, self._told_backup, {"before": before.data})
        told: dict[str, object] = {"before": before.data}
        try:
            told["after"] = self._repeat(plan).data
        except AgentError as error:
            told |= {"handled": describe_handled(self.repair.handled), "error": str(error)}
            if not runner.conn.closed:
                end_report(runner, number, status="failed", backup=self._told_backup, report=told)
            raise
        told["handled"] = describe_handled(self.repair.handled)
        end_report(runner, number, status="done", backup=self._told_backup, report=told)
        runner.log.info(
            "migrate.relations.proven",
            migration=self.repair.migration,
            relations=len(self.declaration.relations),
            rows_handled=sum(each.rows for each in self.repair.handled.values()),
            report=number,
        )

    def _repeat(self, plan: RelationPlan) -> Report:
        """Carry out plans until a fresh look, which counts orphans by query, finds nothing to plan."""
        for _ in range(_MAX_PASSES):
            postponed: set[Relation] = set()
            for action in plan.actions:
                if action.relation not in postponed and not self._perform(action):
                    postponed.add(action.relation)
            plan, live = self._look()
            self._refuse(plan, "the steps before it stay in place")
            if not plan.actions:
                return make_report(plan, live)
            self._require_backup(plan)
        left = "; ".join(f"{action.relation.name}: {action.step} ({action.because})" for action in plan.actions)
        message = (
            f"{self.repair.migration}: still to do after {_MAX_PASSES} passes: {left}; find who changes it meanwhile"
        )
        raise NotConvergedError(message)

    def _look(self) -> tuple[RelationPlan, Mapping[Relation, LiveRelation]]:
        runner = self.repair.runner
        runner.log.info("migrate.relations.surveying", relations=len(self.declaration.relations))
        live = survey(runner.conn, self.declaration, self.repair.scan)
        return plan_relations(self.declaration, live), live

    def _refuse(self, plan: RelationPlan, consequence: str) -> None:
        if plan.refusals:
            count, told = len(plan.refusals), " | ".join(plan.refusals)
            message = f"{self.repair.migration}: {count} relations cannot be repaired: {told}; {consequence}"
            raise RelationRefusedError(message)

    def _require_backup(self, plan: RelationPlan) -> None:
        if plan.changes_rows and not self.backup:
            self.backup = require_backup(self.repair.runner)

    @property
    def _told_backup(self) -> str:
        return self.backup or "not needed: no row was changed"

    def _perform(self, action: Action) -> bool:
        """Carry out one action; false when it has to wait for another pass."""
        relation, log = action.relation, self.repair.runner.log
        log.info("migrate.relation.changing", relation=relation.name, step=action.step.value, because=action.because)
        if action.step not in CHANGES_ROWS:
            return change_shape(self.repair, action)
        child, parent = read_tables(self.repair.runner.conn, relation)
        if action.step is Step.CLEAN_ORPHANS:
            clean_rows(self.repair, orphan_sql(relation, child, parent), f"its {_keys(relation)} points at nothing")
        elif broken := uncastable_sql(relation, child, parent):
            clean_rows(self.repair, broken, f"its {_keys(relation)} is no key of {relation.parent}")
        return True


def _keys(relation: Relation) -> str:
    return ", ".join(relation.columns)
