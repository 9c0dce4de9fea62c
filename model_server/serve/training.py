"""Wire training into a worker: who runs it, and the loop that moves jobs along."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from model_server.errors import ModelServerError, SettingInvalidError
from model_server.experiments.ledger import ExperimentLedger
from model_server.jobs.cluster.api import ApiServer
from model_server.jobs.cluster.manifest import PodPlan
from model_server.jobs.cluster.runner import KubernetesRunner
from model_server.jobs.keeper import Keeper, KeeperRules
from model_server.jobs.ledger import Ledger
from model_server.jobs.process import ProcessRunner
from model_server.jobs.runner import Runner
from model_server.jobs.workspace import Workspaces
from model_server.registry.registry import Registry
from model_server.registry.store import Store
from model_server.serve.api.training import Desk
from model_server.serve.settings import ServeSettings

# Chosen: a person who watches sees each step; an idle look costs one listing of a folder.
POLL_S = 1.0


def build_desk(
    settings: ServeSettings, store: Store | None, environment: Mapping[str, str] = os.environ
) -> Desk | None:
    """Return what takes orders; None without a registry.

    Raises:
        SettingInvalidError: training is switched on and something it needs is not set (permanent).
    """
    registry_dir, data_dir = settings.registry_dir, settings.datasets_dir
    if registry_dir is None or data_dir is None or store is None:
        if settings.trainer != "off":
            message = f"CRYO_TRAINER={settings.trainer} needs CRYO_REGISTRY_DIR; set it to a writable folder"
            raise SettingInvalidError(message)
        return None
    if settings.trainer != "off" and settings.model_keys is not None:
        message = (
            f"CRYO_TRAINER={settings.trainer}: CRYO_MODEL_KEYS refuses unsigned models and nobody signs trained ones; "
            "train elsewhere, sign and register it, or unset one of the two"
        )
        raise SettingInvalidError(message)
    runner = _build_runner(settings, data_dir, environment)
    return Desk(Ledger(store), Workspaces(registry_dir), runner, data_dir, ExperimentLedger(store))


def build_keeper(
    settings: ServeSettings, registry: Registry, desk: Desk | None, log: FilteringBoundLogger
) -> Keeper | None:
    """Return what moves jobs along; None where nothing trains."""
    if desk is None or desk.runner is None:
        return None
    rules = KeeperRules(settings.trainer_parallel, settings.trainer_deadline_s)
    return Keeper(registry, desk.ledger, desk.workspaces, desk.runner, desk.experiments, rules=rules, log=log)


async def keep_training(keeper: Keeper | None, log: FilteringBoundLogger) -> None:
    """Move jobs along until cancelled; what goes wrong once is told and tried again."""
    while keeper is not None:
        await asyncio.sleep(POLL_S)
        try:
            await asyncio.to_thread(keeper.tick)
        except (ModelServerError, OSError) as error:
            log.error("model_server.training.failed", reason=str(error))  # noqa: TRY400 - the message is the whole story


def _build_runner(settings: ServeSettings, data_dir: Path, environment: Mapping[str, str]) -> Runner | None:
    if settings.trainer == "process":
        return ProcessRunner(data_dir, environment)
    if settings.trainer == "kubernetes":
        return _build_cluster_runner(settings, environment)
    return None


def _build_cluster_runner(settings: ServeSettings, environment: Mapping[str, str]) -> KubernetesRunner:
    host = environment.get("KUBERNETES_SERVICE_HOST", "")
    image, claim = settings.trainer_image, settings.trainer_claim
    if not host or image is None or claim is None or settings.data_dir is not None:
        message = (
            "CRYO_TRAINER=kubernetes needs a pod of the cluster, CRYO_TRAINER_IMAGE and CRYO_TRAINER_CLAIM, and reads "
            "data sets from the registry's volume only; set the two and unset CRYO_DATA_DIR"
        )
        raise SettingInvalidError(message)
    plan = PodPlan(
        image=image,
        claim=claim,
        account=settings.trainer_account,
        requests=dict(settings.trainer_requests),
        limits=dict(settings.trainer_limits),
        deadline_s=int(settings.trainer_deadline_s),
    )
    return KubernetesRunner(ApiServer(host, int(environment.get("KUBERNETES_SERVICE_PORT", "443"))), plan)
