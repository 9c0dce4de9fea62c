"""Builds the container images that CryoProtect runs, tagged by the hash of what goes into them.

Call `build_images` with a `BuildRequest`, then `load_images` to bring the archives into a cluster's containerd.
"""

from toolchain.images.build import build_images
from toolchain.images.index import ImageIndex, IndexedImage, read_index
from toolchain.images.load import Containerd, load_images
from toolchain.images.request import BuildRequest, read_build_request
from toolchain.images.verify import verify_image

__all__ = [
    "BuildRequest",
    "Containerd",
    "ImageIndex",
    "IndexedImage",
    "build_images",
    "load_images",
    "read_build_request",
    "read_index",
    "verify_image",
]
