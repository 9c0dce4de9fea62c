"""Asks the cluster what is live and lets the release agent's guard judge the update, before anything is declared.

A Job of the update could not: Pulumi runs it again only when something changed, and a rollback by hand changes nothing
that Pulumi knows.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from agents.release.guard import Asked, judge_update
from agents.release.live import read_live
from agents.release.standby import judge_standby
from agents.runtime.errors import AgentError
from agents.runtime.errors import TemporaryError as AgentTemporaryError
from agents.runtime.kube import KubeClient
from agents.runtime.names import Colour
from agents.runtime.settings import ClusterSettings
from infra.contents import describe_slot, slots_of_tree
from infra.errors import LiveUnknownError, UpdateRefusedError
from infra.images import DockerImages, resolve
from infra.seen import Seen

if TYPE_CHECKING:
    from datetime import datetime

    from agents.runtime.cluster import Kube
    from infra.program import Plan
    from infra.slots import App

# Chosen: an API server of one node restarts in about 20 s.
_RETRY_AFTER_S = 20


def open_cluster(plan: Plan) -> Kube:
    """Open the cluster that the plan chose.

    Raises:
        UpdateRefusedError: the kubeconfig cannot be used.
    """
    settings = ClusterSettings(in_cluster=False, kubeconfig=Path(plan.target.kubeconfig), context=plan.target.context)
    try:
        return KubeClient.connect(settings)
    except AgentError as error:
        raise UpdateRefusedError(str(error)) from error


def guard_update(plan: Plan, kube: Kube, *, now: datetime) -> Seen:
    """Judge the update and return what it has to know.

    Raises:
        UpdateRefusedError: the update would hurt; nothing was declared.
        LiveUnknownError: the API server does not say what is live.
    """
    retries: dict[str, str] = {}
    small: dict[str, Colour] = {}
    notes: list[str] = []
    for name, app in plan.environment.apps.items():
        try:
            live = read_live(kube, plan.environment.namespaces.apps, name)
            asked = _asked(plan, name, app)
            notes += judge_update(asked, live)
        except AgentTemporaryError as error:
            message = f"what is live cannot be seen, so the update cannot be judged: {error}"
            raise LiveUnknownError(message, retry_after_s=_RETRY_AFTER_S) from error
        except AgentError as error:
            raise UpdateRefusedError(str(error)) from error
        if live.retry_of is not None:
            retries[name] = live.retry_of
        standby = app.release.standby
        if standby is not None and judge_standby(asked, live, now=now, after_s=standby.after_s).allowed:
            small[name] = asked.active.other
    return Seen(retries, small, notes)


def _asked(plan: Plan, name: str, app: App) -> Asked:
    of_tree = slots_of_tree(app)
    unknown = of_tree if isinstance(plan.images, DockerImages) else frozenset[Colour]()
    contents = {
        colour: "" if colour in unknown else describe_slot(app, colour, str(resolve(slot.image, plan.images)))
        for colour, slot in app.slots.filled()
    }
    return Asked(stack=plan.stack, app=name, active=Colour(app.active), contents=contents, of_tree=of_tree)
