"""What the caller asks the builder for, and where the builder keeps things."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from toolchain.errors import PermanentToolchainError
from toolchain.images.engine import EngineName
from toolchain.images.spec import IMAGES, SPECS

EXPORTED_NAMES = tuple(spec.name for spec in IMAGES if spec.exported)


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """One call of the builder.

    Attributes:
        repository: the checkout whose images/ and code are built.
        cache: CRYO_CACHE; everything of the builder lives in `images` below it.
        names: images to have at the end; their parents come by themselves.
        binaries: static binaries by name, for the images that hold one.
        base_image: registry reference with digest to start from; None makes Debian with debootstrap.
        debian_mirror: mirror to use instead of the one this machine uses.
        engine: use this engine instead of choosing one.
        keep: how many archives of each image stay on disk.
    """

    repository: Path
    cache: Path
    names: tuple[str, ...] = EXPORTED_NAMES
    binaries: Mapping[str, Path] = field(default_factory=dict)
    base_image: str | None = None
    debian_mirror: str | None = None
    engine: EngineName | None = None
    keep: int = 2

    def __post_init__(self) -> None:
        """Refuse what cannot be built, before anything is touched."""
        unknown = sorted(set(self.names) - set(EXPORTED_NAMES))
        if unknown:
            message = f"unknown image {', '.join(unknown)}; known are {', '.join(EXPORTED_NAMES)}"
            raise PermanentToolchainError(message)
        if self.base_image is not None and "@sha256:" not in self.base_image:
            message = (
                f"base image {self.base_image!r} has no digest; pin it as name@sha256:<64 hex digits> in "
                "CRYO_BASE_IMAGE, or leave the variable empty to make Debian with debootstrap"
            )
            raise PermanentToolchainError(message)
        for name in self.names:
            for binary in SPECS[name].binaries:
                if binary not in self.binaries:
                    message = f"image {name} needs the binary {binary}; build it first with `make toolchain`"
                    raise PermanentToolchainError(message)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the builder keeps things, all below one folder."""

    home: Path

    @property
    def index(self) -> Path:
        """The index that infra and the cluster read."""
        return self.home / "index.json"

    @property
    def archives(self) -> Path:
        """Finished archives, one per content hash."""
        return self.home / "archives"

    @property
    def records(self) -> Path:
        """Digests of the inputs of each image's last build."""
        return self.home / "records"

    @property
    def storage(self) -> Path:
        """The engine's own layers."""
        return self.home / "storage"

    @property
    def work(self) -> Path:
        """Unfinished things; emptied at the start of each build."""
        return self.home / "work"

    @property
    def logs(self) -> Path:
        """One log per image and hash."""
        return self.home / "logs"

    @property
    def lock(self) -> Path:
        """Held while building, so that two builds never share a half-made file."""
        return self.home / "lock"

    def archive(self, name: str, content_hash: str) -> Path:
        """The archive of one image."""
        return self.archives / f"{name}-{content_hash}.tar"


def image_layout(cache: Path) -> Layout:
    """Place the builder's files below CRYO_CACHE."""
    return Layout(cache / "images")


def read_build_request(
    environ: Mapping[str, str], *, repository: Path, cache: Path, binaries: Mapping[str, Path]
) -> BuildRequest:
    """Make a request for all images from CRYO_BASE_IMAGE, CRYO_DEBIAN_MIRROR and CRYO_IMAGE_ENGINE.

    Raises:
        PermanentToolchainError: a variable holds something that cannot work.
    """
    engine = environ.get("CRYO_IMAGE_ENGINE") or None
    if engine is not None and engine not in set(EngineName):
        message = f"CRYO_IMAGE_ENGINE is {engine!r}; use one of {', '.join(EngineName)}, or leave it empty"
        raise PermanentToolchainError(message)
    return BuildRequest(
        repository=repository,
        cache=cache,
        binaries=binaries,
        base_image=environ.get("CRYO_BASE_IMAGE") or None,
        debian_mirror=environ.get("CRYO_DEBIAN_MIRROR") or None,
        engine=EngineName(engine) if engine is not None else None,
    )
