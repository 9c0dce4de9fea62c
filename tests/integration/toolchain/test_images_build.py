"""The builder with a real buildah, on an image small enough to build in a second."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from toolchain.errors import CommandFailedError, PermanentToolchainError
from toolchain.images import BuildRequest, build_images, read_index
from toolchain.images.archive import read_archive
from toolchain.images.request import image_layout

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

CONTAINERFILE = 'FROM scratch\nCOPY bin/pause /pause\nUSER 65535:65535\nENTRYPOINT ["/pause"]\n'


@pytest.fixture
def request_(tmp_path):
    """A checkout with one image, and a stand-in for its binary."""
    containerfile = tmp_path / "repository" / "images" / "pause" / "Containerfile"
    containerfile.parent.mkdir(parents=True)
    containerfile.write_text(CONTAINERFILE)
    binary = tmp_path / "pause"
    binary.write_bytes(b"#!/never-run\n")
    return BuildRequest(tmp_path / "repository", tmp_path / "cache", names=("pause",), binaries={"pause": binary})


def build(request_):
    lines = []
    return build_images(request_, lines.append), lines


def ours(folder):
    """Processes of a build in this folder, and mounts below it."""
    processes = [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(str(folder) in argument for argument in process.info["cmdline"] or [])
    ]
    mounts = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(folder) in line]
    return processes, mounts


def test_a_build_ends_in_an_archive_with_the_declared_user_and_the_name_of_the_index(request_):
    index, _ = build(request_)

    image = index.images["pause"]
    archived = read_archive(image.archive)
    assert archived.reference == image.ref == f"localhost/cryoprotect/pause:{image.ref.rpartition(':')[2]}"
    assert archived.digest == image.digest
    assert archived.user == "65535:65535"
    assert archived.entrypoint == ("/pause",)
    assert set(archived.files) == {"pause"}
    assert image.size_bytes == image.archive.stat().st_size
    assert read_index(image_layout(request_.cache).index) == index
    assert ours(request_.cache) == ([], [])


def test_unchanged_input_builds_nothing_and_takes_well_under_a_second(request_):
    first, _ = build(request_)
    written_at = first.images["pause"].archive.stat().st_mtime_ns

    started_at = time.monotonic()
    second, lines = build(request_)

    assert time.monotonic() - started_at < 0.5
    assert second == first
    assert lines == ["images: 0 of 1 changed"]
    assert second.images["pause"].archive.stat().st_mtime_ns == written_at


def test_a_changed_binary_builds_a_new_image_and_says_why(request_):
    first, _ = build(request_)
    request_.binaries["pause"].write_bytes(b"#!/other\n")

    second, lines = build(request_)

    assert second.images["pause"].ref != first.images["pause"].ref
    assert any("because input binary pause changed" in line for line in lines)


def test_going_back_to_earlier_input_uses_the_kept_archive(request_):
    first, _ = build(request_)
    before = request_.binaries["pause"].read_bytes()
    request_.binaries["pause"].write_bytes(b"#!/other\n")
    build(request_)

    request_.binaries["pause"].write_bytes(before)
    third, lines = build(request_)

    assert third == first
    assert lines == ["images: 0 of 1 changed"]


def test_old_archives_are_deleted_beyond_the_number_to_keep(request_):
    for version in range(4):
        request_.binaries["pause"].write_bytes(f"#!/{version}\n".encode())
        index, _ = build(request_)

    layout = image_layout(request_.cache)
    assert len(list(layout.archives.iterdir())) == len(list(layout.records.iterdir())) == request_.keep == 2
    assert index.images["pause"].archive.exists()


def test_the_same_input_gives_the_same_digest_in_another_place(request_, tmp_path):
    first, _ = build(request_)
    other = BuildRequest(request_.repository, tmp_path / "other", names=("pause",), binaries=request_.binaries)

    second, _ = build(other)

    assert first.images["pause"].digest == second.images["pause"].digest


def test_a_truncated_archive_is_built_again(request_):
    first, _ = build(request_)
    archive = first.images["pause"].archive
    archive.write_bytes(archive.read_bytes()[:100])

    second, _ = build(request_)

    assert read_archive(second.images["pause"].archive).digest == second.images["pause"].digest


@pytest.mark.parametrize(
    ("containerfile", "error", "message"),
    [
        (
            CONTAINERFILE + "COPY nothing /nothing\n",
            CommandFailedError,
            r"buildah exited with \d+; last lines:(.|\n)*nothing",
        ),
        (CONTAINERFILE.replace("USER 65535:65535", "USER 0:0"), PermanentToolchainError, "other than 0"),
        (CONTAINERFILE.replace("/pause\n", "/usr/bin/gcc\n"), PermanentToolchainError, "gcc is a compiler"),
    ],
    ids=["broken step", "root", "compiler"],
)
def test_a_build_that_fails_or_is_not_acceptable_leaves_the_earlier_image(request_, containerfile, error, message):
    first, _ = build(request_)
    (request_.repository / "images/pause/Containerfile").write_text(containerfile)

    with pytest.raises(error, match=message):
        build(request_)

    layout = image_layout(request_.cache)
    assert read_index(layout.index) == first
    assert [path.name for path in layout.archives.iterdir()] == [first.images["pause"].archive.name]


SLOW = """
import json, sys
from pathlib import Path
import toolchain.images.store as store
from toolchain.images import BuildRequest, build_images
real = store.build_argv
def slow(engine, call, paths):
    argv = real(engine, call, paths)
    at = argv.index("buildah")
    return [*argv[:at], "sh", "-c", 'sleep 300 & "$@"; wait', "slow", *argv[at:]]
store.build_argv = slow
repository, cache, binary = map(Path, sys.argv[1:])
build_images(BuildRequest(repository, cache, names=("pause",), binaries={"pause": binary}), print)
"""


def test_a_killed_build_leaves_no_process_no_mount_and_no_half_image_and_the_next_one_converges(request_):
    arguments = [str(request_.repository), str(request_.cache), str(request_.binaries["pause"])]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    victim = subprocess.Popen([sys.executable, "-c", SLOW, *arguments], env=environment, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not any("bud" in p.cmdline() for p in ours(request_.cache)[0]):
        time.sleep(0.05)
    started, _ = ours(request_.cache)
    assert len(started) >= 2, "the build never started, so killing it proves nothing"

    victim.send_signal(signal.SIGKILL)
    victim.wait()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and any(process.is_running() for process in started):
        time.sleep(0.05)

    assert ours(request_.cache) == ([], [])
    layout = image_layout(request_.cache)
    assert not layout.index.exists()
    assert not list(layout.records.glob("*"))
    index, _ = build(request_)
    assert json.loads(layout.index.read_text())["images"]["pause"]["ref"] == index.images["pause"].ref


def test_a_second_build_waits_for_the_first(request_):
    layout = image_layout(request_.cache)
    layout.home.mkdir(parents=True)
    holder = subprocess.Popen(["flock", str(layout.lock), "sleep", "1.5"])
    time.sleep(0.3)

    _, lines = build(request_)

    holder.wait()
    assert "another build holds" in lines[0]


def test_a_full_disk_is_told_before_anything_starts(request_, monkeypatch):
    monkeypatch.setattr("toolchain.images.build.NEEDED_BYTES", 10**18)

    with pytest.raises(PermanentToolchainError, match="nothing was changed"):
        build(request_)

    assert not image_layout(request_.cache).storage.exists()
