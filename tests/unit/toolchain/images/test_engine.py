"""Which engine builds, and that every call keeps to our own storage and cannot outlive us."""

from pathlib import Path

import pytest

from toolchain.errors import PermanentToolchainError
from toolchain.images.engine import (
    BuildCall,
    EngineFacts,
    EngineName,
    EnginePaths,
    build_argv,
    choose_engine,
    choose_storage_driver,
    export_argv,
    list_argv,
    prune_argv,
    remove_argv,
)

PATHS = EnginePaths(Path("/c/storage"), Path("/c/run"), Path("/c/policy.json"), Path("/c/registries.conf"), "overlay")
CALL = BuildCall(
    "localhost/cryoprotect/agents:0123", Path("/c/build/agents"), {"PYTHON_IMAGE": "p"}, {"apt-ca": Path("/c/ca")}
)


@pytest.mark.parametrize(
    ("root", "buildah", "podman", "docker", "chosen"),
    [
        (True, True, True, True, EngineName.BUILDAH),
        (False, True, True, True, EngineName.PODMAN),
        (True, False, True, True, EngineName.PODMAN),
        (False, True, False, True, EngineName.DOCKER),
        (True, False, False, True, EngineName.DOCKER),
    ],
)
def test_engine_choice(root, buildah, podman, docker, chosen):
    facts = EngineFacts(root=root, buildah=buildah, podman=podman, docker=docker)

    assert choose_engine(facts, None).name is chosen


@pytest.mark.parametrize("root", [True, False])
def test_without_an_engine_the_message_says_what_to_install(root):
    facts = EngineFacts(root=root, buildah=not root, podman=False, docker=False)

    with pytest.raises(PermanentToolchainError, match="apt-get install buildah"):
        choose_engine(facts, None)


def test_a_named_engine_wins_when_it_works_and_is_refused_when_not():
    facts = EngineFacts(root=True, buildah=True, podman=False, docker=True)

    assert choose_engine(facts, EngineName.DOCKER).name is EngineName.DOCKER
    with pytest.raises(PermanentToolchainError, match="CRYO_IMAGE_ENGINE names podman"):
        choose_engine(facts, EngineName.PODMAN)


MOUNTS = """\
22 1 254:0 / / rw,relatime - {root} /dev/vda rw
23 22 0:21 / /var rw - {var} none rw
24 22 0:22 / /var/cache\\040of\\040x rw - nfs none rw
"""


@pytest.mark.parametrize(
    ("root", "var", "storage", "driver"),
    [
        ("ext4", "ext4", "/var/cache/cryoprotect/images/storage", "overlay"),
        ("overlay", "ext4", "/var/cache/cryoprotect/images/storage", "overlay"),
        ("ext4", "overlay", "/var/cache/cryoprotect/images/storage", "vfs"),
        ("overlay", "ext4", "/srv/storage", "vfs"),
        ("ext4", "ext4", "/var/cache of x/storage", "vfs"),
        ("ext4", "overlay", "/various/storage", "overlay"),
    ],
)
def test_overlay_storage_is_used_where_the_file_system_can_carry_it(root, var, storage, driver):
    assert choose_storage_driver(MOUNTS.format(root=root, var=var), Path(storage)) == driver


@pytest.mark.parametrize(
    "argv",
    [
        build_argv(EngineName.BUILDAH, CALL, PATHS),
        export_argv(EngineName.BUILDAH, CALL.reference, Path("/c/a.tar"), PATHS),
        list_argv(EngineName.BUILDAH, PATHS),
        remove_argv(EngineName.BUILDAH, [CALL.reference], PATHS),
        prune_argv(PATHS),
    ],
)
def test_every_buildah_call_dies_with_us_and_keeps_to_our_storage(argv):
    assert argv[:3] == ["setpriv", "--pdeathsig", "KILL"]
    assert {"--mount", "--pid", "--kill-child"} <= set(argv[: argv.index("buildah")])
    assert argv[argv.index("--root") + 1] == "/c/storage"
    assert argv[argv.index("--runroot") + 1] == "/c/run"
    assert argv[argv.index("--registries-conf") + 1] == "/c/registries.conf"


def test_buildah_needs_no_file_below_etc_containers():
    argv = build_argv(EngineName.BUILDAH, CALL, PATHS)

    assert argv[argv.index("--signature-policy") + 1] == "/c/policy.json"
    assert argv[argv.index("--isolation") + 1] == "chroot"


@pytest.mark.parametrize("engine", list(EngineName))
def test_every_engine_gets_arguments_secrets_tag_and_context(engine):
    argv = build_argv(engine, CALL, PATHS)

    assert argv[argv.index("--build-arg") + 1] == "PYTHON_IMAGE=p"
    assert argv[argv.index("--secret") + 1] == "id=apt-ca,src=/c/ca"
    assert argv[argv.index("--tag") + 1] == CALL.reference
    assert argv[argv.index("--file") + 1] == "/c/build/agents/Containerfile"
    assert argv[-1] == "/c/build/agents"


@pytest.mark.parametrize(
    ("engine", "tail"),
    [
        (EngineName.BUILDAH, [CALL.reference, f"oci-archive:/c/a.tar:{CALL.reference}"]),
        (EngineName.PODMAN, ["--format", "oci-archive", "--output", "/c/a.tar", CALL.reference]),
        (EngineName.DOCKER, ["--output", "/c/a.tar", CALL.reference]),
    ],
)
def test_every_engine_exports_an_oci_archive_under_the_full_name(engine, tail):
    assert export_argv(engine, CALL.reference, Path("/c/a.tar"), PATHS)[-len(tail) :] == tail


def test_vfs_gets_no_overlay_option():
    paths = EnginePaths(PATHS.storage, PATHS.run, PATHS.policy, PATHS.registries, "vfs")

    assert "--storage-opt" in list_argv(EngineName.BUILDAH, PATHS)
    assert "--storage-opt" not in list_argv(EngineName.BUILDAH, paths)
