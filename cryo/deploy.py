"""The steps of `cryo up` and `cryo down`, in order."""

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryo.addresses import ask_for_prediction, find_addresses
from cryo.cluster import open_cluster
from cryo.errors import PermanentCryoError
from cryo.settings import ClusterKind, Settings
from cryo.stack import arguments_for, forget_stack, open_stack
from cryo.tools import Tools, get_tools, tool_variables
from toolchain.cluster import embedded, existing
from toolchain.cluster.layout import embedded_layout, read_network
from toolchain.cluster.lock import exclusive
from toolchain.images.build import build_images
from toolchain.images.index import ImageIndex
from toolchain.images.request import read_build_request
from toolchain.images.spec import IMAGES

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command achieved, for machines and for people."""

    document: dict[str, Any]
    text: str


def bring_up(settings: Settings, report: Report, *, deploy: bool) -> Outcome:
    """Have the platform live.

    Raises:
        PermanentCryoError: this machine or the environment file cannot work, or Pulumi refused.
        TemporaryCryoError: something did not become ready in time.
    """
    addresses = find_addresses(settings)
    _refuse_early(settings, addresses.gateway_port)
    with exclusive(settings.lock):
        tools = get_tools(settings, report)
        variables = tool_variables(settings, tools, Path(sys.executable))
        cluster = open_cluster(
            settings, tools, context=addresses.context, gateway_port=addresses.gateway_port, variables=variables
        )
        cluster.check(report)
        images = get_images(settings, tools, report)
        cluster.up(images, report)
        if not deploy:
            text = f"the {settings.cluster} cluster is ready; nothing was deployed"
            return Outcome({"cluster": settings.cluster}, text)
        stack = open_stack(settings, tools)
        stack.select()
        report(f"pulumi up: stack {settings.stack}")
        stack.must(*arguments_for(settings, "up", ("--yes", "--skip-preview")))
    answer = ask_for_prediction(addresses)
    report(f"prediction through the gateway: {answer.summary}")
    return Outcome({"urls": addresses.document(), "prediction": answer.document}, addresses.text())


def bring_down(settings: Settings, report: Report, *, purge: bool, cache: bool) -> Outcome:
    """Stop the platform; with purge, leave the machine as it was before."""
    with exclusive(settings.lock):
        if settings.cluster is ClusterKind.EMBEDDED and not (settings.home / "cluster").exists():
            report("no embedded cluster here")
        else:
            tools = get_tools(settings, report)
            variables = tool_variables(settings, tools, Path(sys.executable))
            cluster = open_cluster(
                settings, tools, context=existing.kind_context(), gateway_port=0, variables=variables
            )
            cluster.down(report, purge=purge)
        if purge and settings.cluster is not ClusterKind.CURRENT:
            forget_stack(settings)
    if purge:
        _remove_home(settings, report)
    if cache and settings.cache.exists():
        shutil.rmtree(settings.cache)
        report(f"{settings.cache}: deleted")
    text = "purged" if purge else "stopped; `cryo up` starts it again"
    return Outcome({"purged": purge, "cache_deleted": cache}, text)


def get_images(settings: Settings, tools: Tools, report: Report) -> ImageIndex:
    """Have all images of this cluster kind, building what changed."""
    binaries = {program.name: program for folder in tools.search_path for program in folder.iterdir()}
    wanted = {binary for image in IMAGES for binary in image.binaries}
    chosen = {name: path for name, path in binaries.items() if name in wanted}
    request = read_build_request(os.environ, repository=settings.repository, cache=settings.cache, binaries=chosen)
    return build_images(request, report)


def _refuse_early(settings: Settings, gateway_port: int) -> None:
    """Find out in a second, not after twenty minutes of building, that this machine will not do."""
    if settings.cluster is not ClusterKind.EMBEDDED:
        return
    problems = embedded.check(embedded_layout(settings.home, read_network(os.environ)), gateway_port)
    if problems:
        message = "this machine cannot run the embedded cluster:\n" + "\n".join(f"  {problem}" for problem in problems)
        raise PermanentCryoError(message)


def _remove_home(settings: Settings, report: Report) -> None:
    settings.lock.unlink(missing_ok=True)
    if settings.home.exists() and not any(settings.home.iterdir()):
        settings.home.rmdir()
        report(f"{settings.home}: deleted")
