"""The verb `adopt`, and adoption as the first part of `apply`."""

from collections.abc import Sequence

from agents.migrate.adopt.adoption import (
    Adoption,
    adopt,
    find_unmanaged_tables,
    plan_roles,
    read_declared,
    review,
)
from agents.migrate.discovery import read_folder
from agents.migrate.history import read_history
from agents.migrate.invocation import Answer, Command, connect, make_runner
from agents.migrate.model import Migration
from agents.migrate.runner import Runner, take_runner_lock
from agents.migrate.truth import Server
from agents.runtime.clock import Deadline


def show_adoption(command: Command) -> Answer:
    """Say what an adoption would do, or do it when that was asked for."""
    available = read_folder(command.options.folder)
    with connect(command) as server:
        runner = make_runner(command, server)
        if command.options.adopt:
            take_runner_lock(runner, Deadline.after(command.options.wait_s, command.clock))
            return _tell(adopt_database(command, server, runner, available))
        if not _has_something_to_adopt(server, available):
            return Answer({"actions": [], "refusals": []}, ["nothing to adopt: run `cryo migrate apply`"])
        declared = read_declared(server, available, command.options.folder)
        plan = review(server.conn, declared, allow_rewrite=command.options.allow_rewrite)
        actions = [*plan_roles(declared), *plan.actions]
    refused = [f"refused   {refusal}" for refusal in plan.refusals]
    end = "nothing was changed; `cryo migrate adopt --apply` does it"
    if refused:
        end = f"nothing was changed; {len(refused)} things must be decided first"
    return Answer(
        {
            "actions": [
                {"step": each.step.name.lower(), "object": each.object_name, "because": each.because, "rows": each.rows}
                for each in actions
            ],
            "refusals": [
                {"object": each.object_name, "what": each.what, "remedy": each.remedy} for each in plan.refusals
            ],
        },
        [*(str(action) for action in actions), *refused, end],
    )


def adopt_database(command: Command, server: Server, runner: Runner, available: Sequence[Migration]) -> Adoption:
    """Adopt when the database existed before the runner; an empty or migrated one is left as it is.

    Raises:
        AdoptionRefusedError: rows or tables do not fit.
    """
    if not _has_something_to_adopt(server, available):
        return Adoption((), (), ())
    options = command.options
    return adopt(runner, server, available, folder=options.folder, allow_rewrite=options.allow_rewrite)


def _has_something_to_adopt(server: Server, available: Sequence[Migration]) -> bool:
    if read_history(server.conn):
        return False
    return bool(find_unmanaged_tables(server.conn, available))


def _tell(adoption: Adoption) -> Answer:
    lines = [str(action) for action in adoption.actions]
    lines += [f"kept      {each.kind} {each.name}: {each.reason}" for each in adoption.kept]
    lines += [f"adopted {name}" for name in adoption.adopted]
    return Answer(
        {
            "actions": [
                {"step": each.step.name.lower(), "object": each.object_name, "because": each.because, "rows": each.rows}
                for each in adoption.actions
            ],
            "kept": [{"kind": each.kind, "name": each.name, "reason": each.reason} for each in adoption.kept],
            "adopted": list(adoption.adopted),
        },
        lines or ["nothing to adopt: run `cryo migrate apply`"],
    )
