"""A request that cannot be built is refused before anything is touched."""

from pathlib import Path

import pytest

from toolchain.errors import PermanentToolchainError
from toolchain.images import read_build_request
from toolchain.images.engine import EngineName
from toolchain.images.request import EXPORTED_NAMES, BuildRequest, image_layout
from toolchain.images.spec import IMAGES

BINARIES = {name: Path("/bins") / name for spec in IMAGES for name in spec.binaries}
PINNED = "registry.example/debian@sha256:" + "0" * 64


def read(environ):
    return read_build_request(environ, repository=Path("/r"), cache=Path("/c"), binaries=BINARIES)


def test_an_empty_environment_asks_for_all_images_on_debootstrapped_debian():
    request = read({"CRYO_BASE_IMAGE": "", "CRYO_IMAGE_ENGINE": ""})

    assert request.names == EXPORTED_NAMES
    assert (request.base_image, request.debian_mirror, request.engine) == (None, None, None)
    assert {"agents", "model-server", "postgres", "prometheus", "gateway", "pause", "coredns"} <= set(request.names)
    assert {"base", "python"}.isdisjoint(request.names)


def test_the_environment_names_base_mirror_and_engine():
    request = read(
        {"CRYO_BASE_IMAGE": PINNED, "CRYO_DEBIAN_MIRROR": "http://m.example/debian", "CRYO_IMAGE_ENGINE": "podman"}
    )

    assert (request.base_image, request.debian_mirror) == (PINNED, "http://m.example/debian")
    assert request.engine is EngineName.PODMAN


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"CRYO_BASE_IMAGE": "debian:trixie"}, "has no digest; pin it"),
        ({"CRYO_IMAGE_ENGINE": "kaniko"}, "use one of buildah, podman, docker"),
    ],
)
def test_a_setting_that_cannot_work_is_refused(environ, message):
    with pytest.raises(PermanentToolchainError, match=message):
        read(environ)


def test_an_unknown_image_and_a_missing_binary_are_named():
    with pytest.raises(PermanentToolchainError, match="unknown image nginx; known are agents"):
        BuildRequest(Path("/r"), Path("/c"), names=("nginx",))
    with pytest.raises(PermanentToolchainError, match="image prometheus needs the binary promtool"):
        BuildRequest(Path("/r"), Path("/c"), names=("prometheus",), binaries={"prometheus": Path("/p")})


def test_everything_of_the_builder_lies_below_one_folder():
    layout = image_layout(Path("/c"))

    paths = [layout.index, layout.archives, layout.records, layout.storage, layout.work, layout.logs, layout.lock]
    assert all(path.is_relative_to("/c/images") for path in paths)
    assert layout.index == Path("/c/images/index.json")
