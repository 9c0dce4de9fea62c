"""Decides what a release or a revert writes into an environment file; pure."""

from dataclasses import dataclass
from typing import NoReturn

from agents.release.guard import Live
from agents.release.states import Phase
from agents.runtime.names import Colour
from cryo.release.edits import Edit, Filling
from cryo.release.errors import EditRefusedError
from infra.slots import App

_REVERTED = frozenset({Phase.ROLLED_BACK, Phase.REFUSED})


@dataclass(frozen=True, slots=True)
class Change:
    """An edit and the commit message that tells it."""

    edit: Edit
    message: str


def plan_release(name: str, app: App, live: Live, filling: Filling, *, stack: str) -> Change:
    """Fill the idle slot and move `active` to it.

    Args:
        name: of the application.
        app: what Git says of it now; the guard has already accepted it beside what is live.
        live: what the cluster says.
        filling: image and version to release.
        stack: name of the environment.

    Raises:
        EditRefusedError: Git and the cluster do not agree about which colour serves, or a release is under way.
    """
    record = live.record
    if record is not None and not record.is_over:
        message = (
            f"release {record.release_id} of {name} is {record.phase}; wait for its end, or `cryo release abort` it"
        )
        _refuse(message)
    if live.weights is None or live.weights.live is None:
        _refuse(f"{name} serves nobody on the cluster of {stack} yet; run `pulumi up` first")
    serving = live.weights.live
    if serving.value != app.active:
        message = (
            f"Git says active: {app.active}, but {serving} serves; run `pulumi up` to finish what Git says, or make "
            f"Git true with `cryo release revert --env {stack}`"
        )
        _refuse(message)
    idle = serving.other
    slots = dict(app.slots.filled())
    before, held = slots[serving], slots.get(idle)
    message = (
        f"release({stack}): {name} {filling.version} in {idle}\n\n"
        f"{idle} gets {filling.image}, version {filling.version}"
        f"{f', in place of version {held.version}' if held else ''}, and all traffic after its gates.\n"
        f"{serving} keeps version {before.version}. Undo: revert this commit.\n"
    )
    return Change(Edit(name, idle.value, {idle.value: filling}), message)


def plan_revert(name: str, app: App, live: Live, *, stack: str) -> Change:
    """Move `active` back to what serves after a release ended without promotion; the record goes into the message.

    Raises:
        EditRefusedError: there is nothing to make true, or the cluster is not where the release left it.
    """
    record = live.record
    if record is None or record.phase not in _REVERTED:
        last = f"the last release, {record.release_id}, is {record.phase}" if record else "there was no release yet"
        _refuse(f"{last}, so there is nothing to revert in Git; revert the commit itself to take a good release back")
    serving = live.weights.live if live.weights else None
    if serving is not record.source:
        _refuse(f"release {record.release_id} left all traffic on {record.source}, but the route says {live.weights}")
    if Colour(app.active) is record.source:
        _refuse(f"Git already says active: {app.active}, which is what serves")
    lines = [f"{step.at}  {step.phase}: {'; '.join(step.because)}" for step in record.transitions]
    version = record.versions.get(record.target, "an unknown version")
    message = "\n".join(
        (
            f"revert({stack}): {name} back to {record.source}",
            "",
            f"Release {record.release_id} of {version} ended {record.phase}: {record.transitions[-1].because[0]}",
            f"{record.source} serves, and Git says so again. {record.target} keeps its content for the post-mortem.",
            "",
            *lines,
            "",
            f"Release-Id: {record.release_id}",
            "",
        )
    )
    return Change(Edit(name, record.source.value, {}), message)


def _refuse(reason: str) -> NoReturn:
    message = f"{reason}; nothing was changed"
    raise EditRefusedError(message)
