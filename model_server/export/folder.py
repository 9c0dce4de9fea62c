"""Write a released model folder: all files or none, and never over a release that says something else."""

import hashlib
import io
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from model_server.errors import ReleaseExistsError
from model_server.export.page import render_page
from model_server.registry.card import (
    CARD_FILE,
    FINGERPRINTS_FILE,
    KNOWN_FILE,
    MODEL_FILE,
    PAGE_FILE,
    POINTS_FILE,
    REFERENCE_FILE,
    Card,
    DataRecord,
    DomainContract,
    Evaluation,
    FeatureContract,
    Identity,
    IntervalContract,
    ParityRecord,
    Point,
    Training,
    WarmUp,
    digest_of,
    encode_card,
)
from model_server.registry.figures import Importance, Reference


@dataclass(frozen=True)
class ReleaseDraft:
    """Everything a release consists of before file hashes exist.

    Args:
        known_rows: packed fingerprints for a Tanimoto domain, standardised rows for a nearest-row domain.
        known_names: what each of these rows is called in an answer.
        points: held-out predictions of the first repeat.
    """

    model: bytes
    known_rows: NDArray[Any]
    known_names: tuple[str, ...]
    points: tuple[Point, ...]
    identity: Identity
    data: DataRecord
    features: FeatureContract
    training: Training
    evaluation: Evaluation
    intervals: IntervalContract
    domain: DomainContract
    importance: tuple[Importance, ...]
    drift: tuple[Reference, ...]
    parity: ParityRecord
    warm_up: tuple[WarmUp, ...]


@dataclass(frozen=True)
class WrittenRelease:
    """A release on disk. `unchanged`: the folder already held exactly these bytes."""

    folder: Path
    card: Card
    digest: str
    unchanged: bool


def write_release(draft: ReleaseDraft, out_dir: Path, *, replace: bool) -> WrittenRelease:
    """Write out_dir/<name>/<version>.

    Raises:
        ReleaseExistsError: the version exists with other content and `replace` is off (permanent).
    """
    card, files = assemble(draft)
    folder = out_dir / draft.identity.name / draft.identity.version
    digest = digest_of(files[CARD_FILE])
    if folder.exists():
        if _holds(folder, files):
            return WrittenRelease(folder, card, digest, unchanged=True)
        if not replace:
            raise ReleaseExistsError(
                f"{folder} holds another {draft.identity.name} {draft.identity.version}; released versions do not "
                "change, pass a higher --version (or --replace while it is not yet released)"
            )
    _write_all(folder, files)
    return WrittenRelease(folder, card, digest, unchanged=False)


def assemble(draft: ReleaseDraft) -> tuple[Card, dict[str, bytes]]:
    """Compute every file's bytes; the same draft gives the same bytes."""
    buffer = io.BytesIO()
    np.save(buffer, draft.known_rows, allow_pickle=False)
    rows_file = FINGERPRINTS_FILE if draft.domain.kind == "tanimoto" else REFERENCE_FILE
    files = {
        MODEL_FILE: draft.model,
        rows_file: buffer.getvalue(),
        KNOWN_FILE: _encode_lines(list(draft.known_names)),
        POINTS_FILE: _encode_lines(list(draft.points)),
    }
    unsigned = _card(draft, {name: hashlib.sha256(content).hexdigest() for name, content in files.items()})
    files[PAGE_FILE] = render_page(unsigned).encode("utf-8")
    card = _card(draft, {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)})
    files[CARD_FILE] = encode_card(card)
    return card, files


def _encode_lines(entries: list[Any]) -> bytes:
    """Write a JSON list with one entry a line, which version control can compare."""
    lines = [msgspec.json.encode(entry) for entry in entries]
    return b"[\n" + b",\n".join(lines) + b"\n]\n"


def _card(draft: ReleaseDraft, hashes: dict[str, str]) -> Card:
    return Card(
        schema=2,
        model=draft.identity,
        data=draft.data,
        features=draft.features,
        training=draft.training,
        evaluation=draft.evaluation,
        intervals=draft.intervals,
        domain=draft.domain,
        importance=draft.importance,
        drift=draft.drift,
        parity=draft.parity,
        warm_up=draft.warm_up,
        files=hashes,
    )


def _holds(folder: Path, files: dict[str, bytes]) -> bool:
    names = {entry.name for entry in folder.iterdir()}
    return names == set(files) and all((folder / name).read_bytes() == content for name, content in files.items())


def _write_all(folder: Path, files: dict[str, bytes]) -> None:
    """Write beside the target, then swap by rename: a killed run leaves either the old folder or the new one."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for name, content in files.items():
            (draft / name).write_bytes(content)
        draft.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        draft.rename(folder)
    except OSError:
        shutil.rmtree(draft, ignore_errors=True)
        raise
