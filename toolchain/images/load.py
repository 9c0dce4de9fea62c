"""Brings built archives into a containerd: only those that it does not have yet."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from toolchain.errors import TemporaryToolchainError
from toolchain.images.index import ImageIndex
from toolchain.process import Command, run_command

# Measured: 2 s for 45 MB compressed on two busy cores; a full disk or a stuck containerd shows as a time-out.
IMPORT_TIMEOUT_S = 300


@dataclass(frozen=True, slots=True)
class Containerd:
    """A containerd to load into.

    Attributes:
        socket: its gRPC socket.
        log: where the calls of ctr are logged.
        namespace: the one in which Kubernetes looks for images.
        snapshotter: must be the one of its Kubernetes configuration, so that the first pod need not unpack.
    """

    socket: Path
    log: Path
    namespace: str = "k8s.io"
    snapshotter: str = "overlayfs"


def load_images(index: ImageIndex, containerd: Containerd, report: Callable[[str], None]) -> tuple[str, ...]:
    """Import what is missing.

    Args:
        index: the images that must be there afterwards.
        containerd: where to.
        report: gets one line per import.

    Returns:
        The references that were imported.

    Raises:
        CommandFailedError: ctr failed; its log says where.
        TemporaryToolchainError: an import ended well, yet the image is not there under its name.
    """
    present = list_references(containerd)
    missing = [image for _, image in sorted(index.images.items()) if image.ref not in present]
    for image in missing:
        report(f"images: load {image.ref} ({image.size_bytes / 1e6:.0f} MB)")
        arguments = ("images", "import", "--snapshotter", containerd.snapshotter, str(image.archive))
        run_command(Command(_ctr(containerd, *arguments), log=containerd.log, timeout_s=IMPORT_TIMEOUT_S))
    if missing:
        lost = sorted({image.ref for image in missing} - list_references(containerd))
        if lost:
            message = f"containerd at {containerd.socket} does not show {', '.join(lost)} after the import; try again"
            raise TemporaryToolchainError(message)
    return tuple(image.ref for image in missing)


def list_references(containerd: Containerd) -> frozenset[str]:
    """List the names of the images that a containerd has."""
    argv = _ctr(containerd, "images", "list", "--quiet")
    return frozenset(run_command(Command(argv, log=containerd.log, timeout_s=IMPORT_TIMEOUT_S)).split())


def _ctr(containerd: Containerd, *arguments: str) -> list[str]:
    return ["ctr", "--address", str(containerd.socket), "--namespace", containerd.namespace, *arguments]
