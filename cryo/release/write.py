"""The steps of `cryo release VERSION` and `cryo release revert`: read, decide, edit, check, commit."""

import shutil
import tempfile
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from agents.release.guard import Live
from agents.release.live import read_live
from agents.runtime.cluster import Kube
from cryo.release.commits import commit_file, find_author, refuse_unclean
from cryo.release.edits import Filling, edit_text
from cryo.release.errors import EditRefusedError, VersionUnknownError
from cryo.release.page import render_page
from cryo.release.registry import find_digest
from cryo.release.wish import Change, plan_release, plan_revert
from infra.environment_files import load_environment
from infra.live_guard import guard_update, open_cluster
from infra.program import Plan, make_plan
from infra.quantities import BUILT_PREFIX
from infra.slots import App


@dataclass(frozen=True, slots=True)
class Place:
    """Where a release is written."""

    repository: Path
    environments: Path
    stack: str
    app: str
    variables: Mapping[str, str]

    @property
    def path(self) -> Path:
        """The environment file."""
        return self.environments / f"{self.stack}.yaml"


@dataclass(frozen=True, slots=True)
class Written:
    """What was written, or would be."""

    path: Path
    message: str
    commit: str | None
    """None without a commit."""


@dataclass(frozen=True, slots=True)
class How:
    """How far a command goes."""

    dry_run: bool = False
    commit: bool = True


def write_release(place: Place, version: str, *, image: str | None, how: How) -> Written:
    """Fill the idle slot with a version, make it active, and commit that.

    Raises:
        InfraError: the environment file or the cluster is not fit; the guard's refusals are among them.
        EditRefusedError: Git and the cluster do not agree, or the file cannot be edited.
        VersionUnknownError: nobody has that version.
    """
    plan, app = _plan(place)
    kube = open_cluster(plan)
    guard_update(plan, kube, now=datetime.now(UTC))
    live = _look(kube, plan, place)

    def change() -> Change:
        serving = dict(app.slots.filled()).get(live.weights.live) if live.weights and live.weights.live else None
        reference = image or _find_image(place, version, serving.image if serving else "")
        return plan_release(place.app, app, live, Filling(reference, version), stack=place.stack)

    return _write(place, change, how)


def write_revert(place: Place, *, how: How) -> Written:
    """Make Git say again which colour serves, after a release went back.

    Raises:
        InfraError: the environment file or the cluster is not fit.
        EditRefusedError: there is nothing to revert.
    """
    plan, app = _plan(place)
    live = _look(open_cluster(plan), plan, place)
    return _write(place, lambda: plan_revert(place.app, app, live, stack=place.stack), how)


def write_page(place: Place) -> str:
    """Return the HTML page of the last release.

    Raises:
        InfraError: the environment file or the cluster is not fit.
        EditRefusedError: there was no release yet.
    """
    plan, app = _plan(place)
    record = _look(open_cluster(plan), plan, place).record
    if record is None:
        message = f"there was no release of {place.app} on the cluster of {place.stack} yet, so there is no page of it"
        raise EditRefusedError(message)
    settings = {"replicas": app.replicas, "autoscale": app.autoscale, **app.release.model_dump()}
    return render_page(record, settings=settings, git=find_author(place.path, before=record.transitions[0].at))


def _plan(place: Place) -> tuple[Plan, App]:
    plan = make_plan(place.stack, variables=place.variables, folder=place.environments)
    apps = dict(plan.environment.apps.items())
    if place.app not in apps:
        message = f"{place.path}: has no application {place.app} (it has: {', '.join(apps)}); nothing was changed"
        raise EditRefusedError(message)
    return plan, apps[place.app]


def _look(kube: Kube, plan: Plan, place: Place) -> Live:
    live = read_live(kube, plan.environment.namespaces.apps, place.app)
    if live.stack not in {None, place.stack}:
        message = f'that cluster belongs to stack "{live.stack}", not to "{place.stack}"; nothing was changed'
        raise EditRefusedError(message)
    return live


def _find_image(place: Place, version: str, serving: str) -> str:
    """Return the reference of a version: the same image as the serving colour's, at another digest."""
    if serving.startswith(BUILT_PREFIX) or not serving:
        pyproject = tomllib.loads((place.repository / "pyproject.toml").read_text(encoding="utf-8"))
        if (own := pyproject["project"]["version"]) != version:
            message = (
                f"{version}: this checkout is version {own}, and {serving or 'the empty slot'} is built from it; check "
                f"that version out, or name an image with --image; nothing was changed"
            )
            raise VersionUnknownError(message)
        return serving
    repository = serving.split("@", maxsplit=1)[0]
    head, _, tail = repository.rpartition("/")
    return find_digest(f"{head}/{tail.split(':', maxsplit=1)[0]}", version, variables=place.variables)


def _write(place: Place, change: Callable[[], Change], how: How) -> Written:
    if how.commit and not how.dry_run:
        refuse_unclean(place.path)
    decided = change()
    before = place.path.read_text(encoding="utf-8")
    after = edit_text(before, decided.edit, label=f"{place.environments.name}/{place.path.name}")
    _check(place, after)
    if how.dry_run:
        return Written(place.path, decided.message, None)
    place.path.write_text(after, encoding="utf-8")
    return Written(place.path, decided.message, commit_file(place.path, decided.message) if how.commit else None)


def _check(place: Place, text: str) -> None:
    """Let the rules of environment files judge the new text before it is written."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / place.environments.name
        shutil.copytree(place.environments, folder)
        (folder / place.path.name).write_text(text, encoding="utf-8")
        load_environment(folder, place.stack)
