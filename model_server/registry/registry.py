"""The registry: records and released models in a store, and the releases that ship with the code."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec

from model_server.errors import ArtefactInvalidError, ModelServerError, RegistryBusyError, RegistryRefusedError
from model_server.registry.card import CARD_FILE, Card, decode_card, digest_of
from model_server.registry.folder import (
    NAME_PATTERN,
    SIGNATURE_FILE,
    Release,
    SignatureCheck,
    WantedModel,
    load_release,
    read_release,
    released_names,
    released_versions,
)
from model_server.registry.record import (
    CHAMPION,
    Act,
    Decision,
    ModelRecord,
    VersionEntry,
    assign_alias,
    empty_record,
    merge_shipped,
    register_version,
)
from model_server.registry.store import Store

Clock = Callable[[], datetime]
# Chosen: two writers who meet four times in a row are not a coincidence but a fault.
_ATTEMPTS = 4
_SHIPPED = Act("1970-01-01T00:00:00Z", "the repository", "released together with the code")


class Place(NamedTuple):
    """Where the registry looks. Without a store nothing can be changed."""

    shipped_dir: Path
    store: Store | None = None


class Registry:
    """Everything known about models. Reads go to the store each time; the server decides how often."""

    def __init__(self, place: Place, *, verifier: SignatureCheck | None = None, clock: Clock | None = None) -> None:
        """Open; nothing is read yet.

        Args:
            place: shipped releases and the store.
            verifier: when given, a release without its good signature is refused.
            clock: tells the time of changes; the system's, in UTC, when absent.
        """
        self._shipped_dir, self._store = place
        self._verifier = verifier
        self._clock = clock or (lambda: datetime.now(UTC))
        self._shipped: dict[str, dict[str, VersionEntry]] = {}

    @property
    def is_writable(self) -> bool:
        """Whether aliases can be changed and models registered."""
        return self._store is not None

    def names(self) -> list[str]:
        """Every model that is shipped or registered, sorted."""
        stored = self._store.keys("models/") if self._store else []
        return sorted({*released_names(self._shipped_dir), *(Path(key).stem for key in stored)})

    def record(self, name: str) -> ModelRecord:
        """What is known of a model; a record without versions when nothing is.

        Raises:
            ArtefactInvalidError: the stored record is not one (permanent).
        """
        return self._read(name)[0]

    def change_tag(self, name: str) -> str | None:
        """Return something cheap that differs whenever the record does."""
        return self._store.tag(_record_key(name)) if self._store else None

    def load(self, name: str, version: str) -> Release:
        """Read and verify one version.

        Raises:
            ArtefactInvalidError: unknown version, damaged, other content than registered, or badly signed (permanent).
        """
        entry = self.record(name).versions.get(version)
        if entry is None:
            raise ArtefactInvalidError(
                f"model {name}: version {version} is not registered; see `cryo model show {name}`"
            )
        release = self._read_artefact(WantedModel(name, version), entry.digest)
        if release.digest != entry.digest:
            raise ArtefactInvalidError(
                f"{release.where}: is {release.digest}, registered is {entry.digest}; restore the release"
            )
        return release

    def change(self, name: str, decide: Callable[[ModelRecord], Decision]) -> Decision:
        """Apply a decision to the current record, again if somebody else was faster.

        Raises:
            RegistryRefusedError: the rules forbid it, or there is no store (permanent).
            RegistryBusyError: others kept being faster (temporary).
        """
        if self._store is None:
            msg = "the registry is read-only; set CRYO_REGISTRY_DIR or CRYO_REGISTRY_S3"
            raise RegistryRefusedError(msg)
        if not NAME_PATTERN.fullmatch(name):
            raise RegistryRefusedError(f"{name!r} cannot name a model; use {NAME_PATTERN.pattern}")
        for _ in range(_ATTEMPTS):
            record, tag = self._read(name)
            decision = decide(record)
            if decision.record is None:
                raise RegistryRefusedError("; ".join(decision.because))
            if decision.record is record:
                return decision
            try:
                self._store.replace(_record_key(name), _encode(decision.record), expected=tag)
            except RegistryBusyError:
                continue
            return decision
        raise RegistryBusyError(f"the record of {name} kept changing; repeat in a moment")

    def register(self, folder: Path, *, who: str, why: str) -> tuple[Release, Decision]:
        """Copy a release into the store, content-addressed, and make it known; it answers nobody yet.

        Raises:
            ArtefactInvalidError: the folder is not a good release (permanent).
            RegistryRefusedError: the version is taken by other content, or there is no store (permanent).
        """
        release = load_release(folder, verifier=self._verifier)
        self._keep(release, folder)
        entry = _entry(release.card, release.digest, self.act(who, why))
        decide = partial(register_version, version=release.card.model.version, entry=entry)
        return release, self.change(release.card.model.name, decide)

    def assign(self, name: str, alias: str, version: str, act: Act, *, override: bool = False) -> Decision:
        """Point an alias to a version whose files are whole and rightly signed.

        Raises:
            RegistryRefusedError: the rules forbid it (permanent).
            ArtefactInvalidError: the version cannot be loaded (permanent).
        """
        if version in self.record(name).versions:
            # A version that somebody relies on must outlive the image it was shipped in.
            self._keep(self.load(name, version), self._shipped_dir / name / version)
        return self.change(name, lambda record: assign_alias(record, alias, version, act, override=override))

    def act(self, who: str, why: str) -> Act:
        """Date somebody's decision."""
        return Act(self._clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), who, why)

    def champion(self, name: str) -> str | None:
        """Version that leads a model."""
        return self.record(name).aliases.get(CHAMPION)

    def _keep(self, release: Release, folder: Path) -> None:
        """Copy a release into the store, unless it is there."""
        base = _artefact_prefix(release.digest)
        if self._store is None or self._store.tag(base + CARD_FILE) is not None:
            return
        for name, content in release.files.items():
            self._store.create(base + name, content)
        if (folder / SIGNATURE_FILE).exists():
            self._store.create(base + SIGNATURE_FILE, (folder / SIGNATURE_FILE).read_bytes())
        # Last, because its presence says that the rest is complete.
        self._store.create(base + CARD_FILE, release.card_content)

    def _read(self, name: str) -> tuple[ModelRecord, str | None]:
        stored = self._store.read(_record_key(name)) if self._store else None
        if stored is None:
            return merge_shipped(empty_record(name), self._shipped_entries(name)), None
        try:
            record = msgspec.json.decode(stored.content, type=ModelRecord)
        except msgspec.DecodeError as error:
            raise ArtefactInvalidError(f"registry record of {name}: {error}; restore it from a backup") from error
        return merge_shipped(record, self._shipped_entries(name)), stored.tag

    def _shipped_entries(self, name: str) -> dict[str, VersionEntry]:
        """Versions in the folder of shipped releases; it belongs to the image, so it is read once."""
        found = self._shipped.get(name)
        if found is None:
            found = {}
            for version in released_versions(self._shipped_dir, name):
                found[version] = _shipped_entry(self._shipped_dir / name / version)
            self._shipped[name] = found
        return found

    def _read_artefact(self, wanted: WantedModel, digest: str) -> Release:
        base, store = _artefact_prefix(digest), self._store
        if store is None or store.tag(base + CARD_FILE) is None:
            return load_release(self._shipped_dir / wanted.name / (wanted.version or ""), verifier=self._verifier)

        def read(name: str) -> bytes:
            found = store.read(base + name)
            if found is None:
                raise ArtefactInvalidError(f"{store}/{base}{name}: No such file; register the release again")
            return found.content

        where = f"{store}/{base.rstrip('/')}"
        release = read_release(read, where=where, expected=wanted)
        if self._verifier is not None:
            signature = store.read(base + SIGNATURE_FILE)
            self._verifier.check(signature.content if signature else None, digest=release.digest, where=where)
        return release


def open_registry(shipped_dir: Path, store: Store | None, *, keys: Path | None = None) -> Registry:
    """Open the registry that settings describe.

    Args:
        shipped_dir: releases that came with the code.
        store: for everything that changes; None for a registry that cannot be changed.
        keys: file of public keys; None accepts unsigned releases.

    Raises:
        SettingInvalidError: the keys cannot be read (permanent).
    """
    verifier: SignatureCheck | None = None
    if keys is not None:
        from model_server.registry.signature import read_verifier  # noqa: PLC0415 - loads a library few servers need

        verifier = read_verifier(keys)
    return Registry(Place(shipped_dir, store), verifier=verifier)


def _shipped_entry(folder: Path) -> VersionEntry:
    """Entry of a shipped version; one whose card is unreadable stays known, and loading it says what is wrong."""
    try:
        content = (folder / CARD_FILE).read_bytes()
        return _entry(decode_card(content, where=str(folder)), digest_of(content), _SHIPPED)
    except (OSError, ModelServerError):
        said = ("its card is unreadable",)
        return VersionEntry("sha256:unreadable", promotable=False, because=said, registered=_SHIPPED)


def _entry(card: Card, digest: str, act: Act) -> VersionEntry:
    return VersionEntry(
        digest, promotable=card.evaluation.promotable, because=tuple(card.evaluation.because), registered=act
    )


def _encode(record: ModelRecord) -> bytes:
    return msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n"


def _record_key(name: str) -> str:
    return f"models/{name}.json"


def _artefact_prefix(digest: str) -> str:
    return f"artefacts/{digest.removeprefix('sha256:')}/"
