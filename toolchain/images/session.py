"""Builds single images with an open engine: context, build, export, verification, and only then into place."""

import shutil
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from toolchain.images.context import ContextSources, assemble_context
from toolchain.images.debian import Mirrors, find_mirrors, make_root_archive, read_sources, write_apt_secrets
from toolchain.images.engine import BuildCall
from toolchain.images.inputs import ImageInputs
from toolchain.images.plan import Step
from toolchain.images.records import Record, write_record
from toolchain.images.request import BuildRequest, Layout
from toolchain.images.spec import BASE, image_reference
from toolchain.images.store import Store
from toolchain.images.verify import verify_image

ETC_APT = Path("/etc/apt")


@dataclass(frozen=True, slots=True)
class Session:
    """Everything that the builds of one request share."""

    request: BuildRequest
    layout: Layout
    store: Store
    inputs: ImageInputs
    report: Callable[[str], None]


def build_step(session: Session, step: Step) -> None:
    """Build one image; it counts as built only when its record is written, as the last thing.

    Raises:
        CommandFailedError: a program failed; the message names its log.
        PermanentToolchainError: the built image breaks a promise.
    """
    name = step.spec.name
    log = session.layout.logs / f"{name}-{step.content_hash}.log"
    log.unlink(missing_ok=True)
    reasons = "; ".join(step.because)
    session.report(f"images: {name}: build, about {step.spec.expected_s} s, because {reasons}; log {log}")
    started_at = time.monotonic()
    context = session.layout.work / name
    context.mkdir(parents=True)
    requirements = session.inputs.requirements.get(name)
    assemble_context(step.spec, context, ContextSources(session.request, requirements, log))
    if name == BASE:
        _add_root(session, context, log)
    session.store.build(_build_call(session, step, context, log), log)
    shutil.rmtree(context)
    result = _install(session, step, log) if step.spec.exported else "only a stage for others"
    session.report(f"images: {name}: built in {time.monotonic() - started_at:.0f} s, {result}")


def _mirrors(session: Session) -> Mirrors:
    return find_mirrors(read_sources(ETC_APT), session.request.debian_mirror)


def _add_root(session: Session, context: Path, log: Path) -> None:
    """Put the Debian root beside the Containerfile; an empty one when a registry image brings it."""
    archive = context / "rootfs.tar"
    if session.request.base_image is None:
        make_root_archive(archive, _mirrors(session), log)
    else:
        with tarfile.open(archive, "w"):
            pass


def _build_call(session: Session, step: Step, context: Path, log: Path) -> BuildCall:
    arguments = {
        f"{parent.upper().replace('-', '_')}_IMAGE": image_reference(parent, session.inputs.hashes[parent])
        for parent in step.spec.parents
    }
    if step.spec.name == BASE:
        arguments["BASE_IMAGE"] = session.request.base_image or "scratch"
    secrets: dict[str, Path] = {}
    if step.spec.uses_apt:
        request = session.request
        own_sources = request.base_image is not None and request.debian_mirror is None
        folder = session.layout.work / "secrets"
        secrets = write_apt_secrets(folder, _mirrors(session), log, own_sources=own_sources)
    return BuildCall(step.reference, context, arguments, secrets)


def _install(session: Session, step: Step, log: Path) -> str:
    """Export, verify, and put the archive in place with one rename."""
    unfinished = session.layout.work / "unfinished.tar"
    unfinished.unlink(missing_ok=True)
    session.store.export(step.reference, unfinished, log)
    verified = verify_image(step.spec, unfinished)
    final = session.layout.archive(step.spec.name, step.content_hash)
    final.parent.mkdir(parents=True, exist_ok=True)
    unfinished.replace(final)
    record = Record(
        name=step.spec.name,
        content_hash=step.content_hash,
        digest=verified.digest,
        size_bytes=verified.archive_bytes,
        unpacked_bytes=verified.unpacked_bytes,
        built_at=time.time(),
        inputs=session.inputs.digests[step.spec.name],
    )
    write_record(session.layout, record)
    return f"{verified.archive_bytes / 1e6:.0f} MB archive, {verified.unpacked_bytes / 1e6:.0f} MB unpacked"
