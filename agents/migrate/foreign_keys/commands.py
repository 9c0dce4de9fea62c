"""The verb `foreign-keys`: the relations as they are, or the last run that repaired them."""

from agents.migrate.discovery import read_folder
from agents.migrate.foreign_keys.engine import inspect
from agents.migrate.foreign_keys.errors import DeclarationError
from agents.migrate.foreign_keys.history import read_last_report
from agents.migrate.foreign_keys.report import format_table
from agents.migrate.invocation import Answer, Command, connect
from agents.migrate.model import Engine
from agents.runtime.clock import format_rfc3339

_HANDLED = ("relation", "set_null", "deleted", "quarantined", "cascaded", "scan_s", "batch_s")


def show_foreign_keys(command: Command) -> Answer:
    """Count the rows that break each declared relation and say what applying would do; changes nothing.

    Raises:
        DeclarationError: no migration of the folder declares relations.
    """
    declared = [each for each in read_folder(command.options.folder) if each.engine is Engine.FOREIGN_KEYS]
    if not declared:
        message = f"{command.options.folder}: no migration declares `-- @engine {Engine.FOREIGN_KEYS}`; give its folder"
        raise DeclarationError(message)
    with connect(command) as server:
        reports = {migration.name: inspect(server.conn, migration) for migration in declared}
    lines: list[str] = []
    for name, report in reports.items():
        verdict = "every relation is as declared" if report.is_whole else "`cryo migrate apply` would:"
        lines += [name, *report.lines, verdict, *report.reasons]
    return Answer({name: report.data for name, report in reports.items()}, lines)


def show_last_report(command: Command) -> Answer:
    """Show what the last applied run found and did."""
    with connect(command) as server:
        kept = read_last_report(server.conn)
    if kept is None:
        return Answer({"status": "none"}, ["no run of the engine was ever applied to this database"])
    data = {
        "migration": kept.migration,
        "status": kept.status,
        "backup": kept.backup,
        "started_at": format_rfc3339(kept.started_at),
        "finished_at": format_rfc3339(kept.finished_at) if kept.finished_at else None,
        "report": kept.report,
    }
    handled = [[str(row[column]) for column in _HANDLED] for row in kept.report.get("handled", [])]
    lines = [
        f"{kept.migration} {kept.status}, started {data['started_at']}, {kept.backup}",
        f"{kept.report['before']['orphans']} rows broke a relation before",
        *(format_table(_HANDLED, handled) if handled else ["no row was changed"]),
    ]
    if "error" in kept.report:
        lines.append(f"ended by: {kept.report['error']}")
    return Answer(data, lines)
