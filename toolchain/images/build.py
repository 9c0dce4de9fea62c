"""Builds what changed, and only that; a build killed at any moment leaves the earlier images in place."""

import fcntl
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from toolchain.errors import PermanentToolchainError
from toolchain.images.engine import choose_engine
from toolchain.images.index import ImageIndex, IndexedImage, plan_pruning, read_index, write_index
from toolchain.images.inputs import ImageInputs, read_inputs
from toolchain.images.plan import Existing, Step, plan_images
from toolchain.images.records import Record, archive_files, read_records, remove_archive
from toolchain.images.request import EXPORTED_NAMES, BuildRequest, Layout, image_layout
from toolchain.images.session import Session, build_step
from toolchain.images.spec import PARENTS, build_order
from toolchain.images.store import Store, open_store, probe_engines

Report = Callable[[str], None]

# Measured: all images cold leave 1.9 GB of layers and archives; the rest is room for one unfinished image.
NEEDED_BYTES = 4 * 10**9


def build_images(request: BuildRequest, report: Report) -> ImageIndex:
    """Bring the images of a request up to date.

    Args:
        request: which images, and from what.
        report: gets one line per decision and per finished image.

    Returns:
        The index, already written to disk, with these images and those built earlier.

    Raises:
        PermanentToolchainError: something is missing or a built image is not acceptable.
        CommandFailedError: a build step failed; the message holds its last lines and its log.
    """
    layout = image_layout(request.cache)
    order = build_order(frozenset(request.names))
    with _exclusive(layout, report):
        inputs = read_inputs(request, layout, order)
        records = read_records(layout)
        steps = plan_images(order, inputs.hashes, inputs=inputs.digests, existing=_existing(layout, records))
        wanted = [step for step in steps if step.spec.exported]
        changed = sum(step.build for step in wanted)
        report(f"images: {changed} of {len(wanted)} changed")
        if changed:
            _build_steps(request, layout, inputs, report=report)
            records = read_records(layout)
        return _publish(layout, records, wanted, keep=request.keep)


def _build_steps(request: BuildRequest, layout: Layout, inputs: ImageInputs, *, report: Report) -> None:
    """Build with an engine; what its storage holds decides which parents are needed as well."""
    _check_space(layout)
    _empty_work(layout)
    choice = choose_engine(probe_engines(layout.logs / "engine.log"), request.engine)
    report(f"images: with {choice.name}: {choice.because}")
    store = open_store(layout, choice.name)
    store.drop_leftovers()
    stored = store.references()
    order = build_order(frozenset(request.names))
    existing = _existing(layout, read_records(layout), stored)
    steps = plan_images(order, inputs.hashes, inputs=inputs.digests, existing=existing)
    if any(step.build and step.spec.name in PARENTS for step in steps):
        # The kept stages start from the old parent, so none of them can be used again.
        store.drop_stages()
    session = Session(request, layout, store, inputs, report)
    for step in steps:
        if step.build:
            build_step(session, step)
    _forget_superseded(store, steps)
    _empty_work(layout)


def _existing(layout: Layout, records: Mapping[str, Record], stored: frozenset[str] | None = None) -> Existing:
    current = {image.ref for image in read_index(layout.index).images.values()}
    last_inputs = {record.name: record.inputs for record in records.values() if record.reference in current}
    return Existing(archived=frozenset(records), stored=stored, inputs=last_inputs)


def _publish(layout: Layout, records: Mapping[str, Record], wanted: list[Step], *, keep: int) -> ImageIndex:
    """Write the index when it changed, then delete what it no longer names."""
    before = read_index(layout.index)
    images = {name: image for name, image in before.images.items() if image.archive.exists() and name in EXPORTED_NAMES}
    for step in wanted:
        record = records[step.reference]
        archive = layout.archive(record.name, record.content_hash)
        images[record.name] = IndexedImage(record.reference, record.digest, archive, record.size_bytes)
    index = ImageIndex(images)
    if index != before:
        write_index(layout.index, index)
        current = frozenset(image.ref.rpartition(":")[2] for image in images.values())
        for archive_file in plan_pruning(archive_files(records), current, keep=keep):
            remove_archive(layout, archive_file)
    return index


def _forget_superseded(store: Store, steps: tuple[Step, ...]) -> None:
    """Drop older versions of the images just planned from the engine's storage; archives still hold them."""
    present = {step.reference for step in steps}
    names = {reference.rpartition(":")[0] for reference in present}
    store.forget(r for r in store.references() if r.rpartition(":")[0] in names and r not in present)


def _check_space(layout: Layout) -> None:
    free = shutil.disk_usage(layout.home).free
    if free < NEEDED_BYTES:
        message = (
            f"building images needs {NEEDED_BYTES / 1e9:.0f} GB free, {layout.home} has {free / 1e9:.1f} GB; "
            "free some space or put CRYO_CACHE on another disk; nothing was changed"
        )
        raise PermanentToolchainError(message)


def _empty_work(layout: Layout) -> None:
    if layout.work.exists():
        shutil.rmtree(layout.work)
    layout.work.mkdir(parents=True)


@contextmanager
def _exclusive(layout: Layout, report: Report) -> Iterator[None]:
    """Let one build at a time touch the folder; the kernel drops the lock when its holder dies."""
    layout.home.mkdir(parents=True, exist_ok=True)
    with layout.lock.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report(f"images: another build holds {layout.lock}; waiting for it to end")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
