"""What each image is made of: its parents, the parts of the repository, the Python packages and the binaries in it.

The Containerfile under images/<name> says how; this table says from what, so that one hash can cover all of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

REPOSITORY_PREFIX = "localhost/cryoprotect"

# Part of every content hash: raise it when a change of this builder must rebuild images whose inputs did not change.
BUILDER_FORMAT = 1

DEBIAN_SUITE = "trixie"
# Debian packages are not pinned one by one, since mirrors drop old versions. A new date here rebuilds everything with
# the security updates of that day.
DEBIAN_REVISION = "2026-11-22"


@dataclass(frozen=True, slots=True)
class Tree:
    """A file or folder of the repository that goes into the build context under the same path.

    Attributes:
        path: relative to the repository.
        without: folders or files below `path` that stay outside.
    """

    path: str
    without: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImageSpec:
    """One image.

    Attributes:
        name: folder under images/ and last part of the repository name.
        user: numeric user and group the image runs as; checked on the built image.
        expected_s: measured, cold on two busy cores with package downloads; only shown to the person who waits.
        parents: images it starts from or copies from; the Containerfile gets each as <NAME>_IMAGE.
        trees: parts of the repository copied into the build context.
        group: dependency group of uv.lock installed as `site` in the build context.
        requirements: pip requirements with hashes, beside the Containerfile, installed as `site` instead.
        binaries: names of binaries that the caller brings, put under `bin` in the build context.
        uses_apt: the build fetches Debian packages.
        exported: gets an archive and a place in the index; otherwise only a stage for others.
    """

    name: str
    user: str
    expected_s: int
    parents: tuple[str, ...] = ()
    trees: tuple[Tree, ...] = ()
    group: str | None = None
    requirements: str | None = None
    binaries: tuple[str, ...] = ()
    uses_apt: bool = False
    exported: bool = True


BASE = "base"

# Parents before children.
IMAGES: tuple[ImageSpec, ...] = (
    ImageSpec(name=BASE, user="65532:65532", exported=False, expected_s=75),
    ImageSpec(name="python", user="65532:65532", parents=(BASE,), uses_apt=True, exported=False, expected_s=20),
    ImageSpec(
        name="agents",
        user="65532:65532",
        parents=("python",),
        trees=(Tree("agents"), Tree("migrations")),
        group="agents",
        expected_s=20,
    ),
    ImageSpec(
        name="model-server",
        user="65532:65532",
        parents=("python",),
        # Training code would be dead weight beside a server that must never import it.
        trees=(Tree("model_server", without=("train",)),),
        group="serve",
        expected_s=45,
    ),
    ImageSpec(
        name="trainer",
        user="65532:65532",
        parents=("python",),
        trees=(Tree("model_server", without=("pages", "registry/released", "serve")),),
        group="trainer",
        expected_s=70,
    ),
    ImageSpec(name="postgres", user="999:999", parents=(BASE,), uses_apt=True, expected_s=35),
    ImageSpec(
        name="backup",
        user="999:999",
        parents=(BASE,),
        trees=(Tree("agents"),),
        group="agents",
        uses_apt=True,
        expected_s=45,
    ),
    ImageSpec(
        name="object-store",
        user="65532:65532",
        parents=(BASE,),
        requirements="requirements.txt",
        uses_apt=True,
        expected_s=20,
    ),
    ImageSpec(name="prometheus", user="65534:65534", binaries=("prometheus", "promtool"), expected_s=10),
    ImageSpec(name="alertmanager", user="65534:65534", binaries=("alertmanager", "amtool"), expected_s=5),
    ImageSpec(name="gateway", user="65532:65532", parents=(BASE,), requirements="requirements.txt", expected_s=15),
    ImageSpec(name="pause", user="65535:65535", binaries=("pause",), expected_s=2),
    ImageSpec(name="coredns", user="65532:65532", binaries=("coredns",), expected_s=5),
)

SPECS: Mapping[str, ImageSpec] = MappingProxyType({spec.name: spec for spec in IMAGES})

PARENTS = frozenset(parent for spec in IMAGES for parent in spec.parents)

# Left out of site-packages: files that serving code never opens. Part of every content hash.
# numpy.f2py, numpy.testing and rdkit's data stay: scipy imports the first two by `from numpy import *`, and RDKit reads
# the last.
SITE_WITHOUT: tuple[str, ...] = (
    ".lock",
    "**/__pycache__",
    "**/*.pyi",
    "**/*.a",
    "**/tests",
    "bin",
    "*-stubs",
    "numpy/_core/include",
    # The C library for other programs; the Python extension carries its own copy (29 MB).
    "onnxruntime/capi/libonnxruntime.so*",
    "onnxruntime/datasets",
    "onnxruntime/quantization",
    "onnxruntime/tools",
    "onnxruntime/transformers",
    "rdkit/Contrib",
    "share",
)


def image_reference(name: str, content_hash: str) -> str:
    """Name an image by what is in it, e.g. localhost/cryoprotect/agents:0123456789abcdef."""
    return f"{REPOSITORY_PREFIX}/{name}:{content_hash}"


def build_order(wanted: frozenset[str]) -> tuple[ImageSpec, ...]:
    """List the wanted images and everything they stand on, parents first."""
    needed = set(wanted)
    for spec in reversed(IMAGES):
        if spec.name in needed:
            needed.update(spec.parents)
    return tuple(spec for spec in IMAGES if spec.name in needed)
