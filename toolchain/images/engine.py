"""Which program builds images, and the exact calls it needs. Pure: what the machine has is passed in."""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from toolchain.errors import PermanentToolchainError

# An overlay cannot lie on these: the kernel refuses them as its upper layer.
NOT_OVERLAYABLE = frozenset({"overlay", "aufs", "nfs", "nfs4", "cifs", "9p", "fuse.sshfs", "vfat"})


class EngineName(enum.StrEnum):
    """A program that builds images."""

    BUILDAH = "buildah"
    PODMAN = "podman"
    DOCKER = "docker"


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What this machine offers.

    Attributes:
        root: whether we run as root.
        buildah: buildah is installed.
        podman: podman is installed and `podman info` succeeds.
        docker: a Docker engine answers, not only the client.
    """

    root: bool
    buildah: bool
    podman: bool
    docker: bool


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """The engine to use, and why."""

    name: EngineName
    because: str


@dataclass(frozen=True, slots=True)
class EnginePaths:
    """The files that keep buildah away from the machine's own configuration and storage."""

    storage: Path
    run: Path
    policy: Path
    registries: Path
    driver: str


@dataclass(frozen=True, slots=True)
class BuildCall:
    """What one image build needs to know."""

    reference: str
    context: Path
    build_args: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Path] = field(default_factory=dict)


def choose_engine(facts: EngineFacts, wanted: EngineName | None) -> EngineChoice:
    """Choose the engine: buildah as root, else Podman, else Docker.

    Raises:
        PermanentToolchainError: none works, or the wanted one does not.
    """
    usable = {
        EngineName.BUILDAH: facts.buildah and facts.root,
        EngineName.PODMAN: facts.podman,
        EngineName.DOCKER: facts.docker,
    }
    if wanted is not None:
        if usable[wanted]:
            return EngineChoice(wanted, "CRYO_IMAGE_ENGINE names it")
        message = f"CRYO_IMAGE_ENGINE names {wanted}, which does not work here; install it or leave the variable empty"
        raise PermanentToolchainError(message)
    # buildah first: it needs no service, and its storage is ours alone, so that a purge can remove all of it.
    for name, because in (
        (EngineName.BUILDAH, "installed, and we are root"),
        (EngineName.PODMAN, "works, and buildah does not or we are not root"),
        (EngineName.DOCKER, "its engine answers, and neither buildah nor Podman works"),
    ):
        if usable[name]:
            return EngineChoice(name, because)
    message = "no way to build images: as root run `apt-get install buildah debootstrap`, or start Docker or Podman"
    raise PermanentToolchainError(message)


def choose_storage_driver(mountinfo: str, storage: Path) -> str:
    """Choose buildah's storage driver from /proc/self/mountinfo: overlay where the file system can carry one.

    The alternative, vfs, copies the whole root filesystem for every layer.
    """
    best, kind = "", ""
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        mount_point = before.split()[4].replace("\\040", " ")
        if storage.is_relative_to(mount_point) and len(mount_point) >= len(best):
            best, kind = mount_point, after.split()[0]
    return "vfs" if kind in NOT_OVERLAYABLE else "overlay"


def contained(argv: Sequence[str]) -> list[str]:
    """Wrap a call so that it dies with us and takes its mounts and children along.

    A build killed half-way, or whose parent was, then leaves no process and no mount on the machine.
    """
    return [
        *("setpriv", "--pdeathsig", "KILL"),
        *("unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc"),
        *argv,
    ]


def buildah(paths: EnginePaths, *arguments: str) -> list[str]:
    """Call buildah on storage and configuration of our own."""
    options = ["--storage-opt", "overlay.skip_mount_home=true"] if paths.driver == "overlay" else []
    return contained(
        [
            *("buildah", "--root", str(paths.storage), "--runroot", str(paths.run)),
            *("--storage-driver", paths.driver, *options, "--registries-conf", str(paths.registries)),
            *arguments,
        ]
    )


def build_argv(engine: EngineName, call: BuildCall, paths: EnginePaths) -> list[str]:
    """Make the call that builds one image from its context."""
    shared: list[str] = []
    for key, value in sorted(call.build_args.items()):
        shared += ["--build-arg", f"{key}={value}"]
    for key, path in sorted(call.secrets.items()):
        shared += ["--secret", f"id={key},src={path}"]
    shared += ["--tag", call.reference, "--file", str(call.context / "Containerfile"), str(call.context)]
    # A fixed time, so that the same files make the same layers.
    reproducible = ["--format", "oci", "--layers", "--timestamp", "0"]
    if engine is EngineName.BUILDAH:
        policy = ["--signature-policy", str(paths.policy)]
        return buildah(paths, "bud", *policy, "--isolation", "chroot", *reproducible, *shared)
    if engine is EngineName.PODMAN:
        return ["podman", "build", *reproducible, *shared]
    return ["docker", "build", "--provenance=false", *shared]


def export_argv(engine: EngineName, reference: str, archive: Path, paths: EnginePaths) -> list[str]:
    """Make the call that writes an image as an OCI archive. Docker writes one from version 25 on."""
    if engine is EngineName.BUILDAH:
        policy = ["--signature-policy", str(paths.policy)]
        return buildah(paths, "push", *policy, reference, f"oci-archive:{archive}:{reference}")
    if engine is EngineName.PODMAN:
        return ["podman", "save", "--format", "oci-archive", "--output", str(archive), reference]
    return ["docker", "save", "--output", str(archive), reference]


def list_argv(engine: EngineName, paths: EnginePaths) -> list[str]:
    """Make the call that lists the references in the engine's storage, one a line."""
    if engine is EngineName.BUILDAH:
        return buildah(paths, "images", "--format", "{{.Name}}:{{.Tag}}")
    return [engine.value, "images", "--format", "{{.Repository}}:{{.Tag}}"]


def remove_argv(engine: EngineName, references: Sequence[str], paths: EnginePaths) -> list[str]:
    """Make the call that removes images from the engine's storage."""
    if engine is EngineName.BUILDAH:
        return buildah(paths, "rmi", "--force", *references)
    return [engine.value, "rmi", "--force", *references]


def prune_argv(paths: EnginePaths) -> list[str]:
    """Make the call that removes the layers of build stages which no image of ours starts from."""
    return buildah(paths, "rmi", "--prune", "--force")
