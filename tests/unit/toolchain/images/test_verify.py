"""A built image that breaks a promise is refused, with every reason."""

import tarfile

import pytest

from toolchain.errors import PermanentToolchainError
from toolchain.images.archive import read_archive
from toolchain.images.spec import SPECS
from toolchain.images.verify import find_problems, verify_image

PAUSE = SPECS["pause"]
GOOD = {"pause": (b"binary", 0o755)}


def test_a_good_image_is_accepted_with_its_sizes(make_archive):
    archive = make_archive(GOOD)

    verified = verify_image(PAUSE, archive)

    assert verified.reference == "localhost/cryoprotect/pause:0123456789abcdef"
    assert verified.digest.startswith("sha256:")
    assert verified.unpacked_bytes == 6
    assert verified.archive_bytes == archive.stat().st_size


@pytest.mark.parametrize(
    ("path", "mode", "problem"),
    [
        ("usr/bin/su", 0o4755, "/usr/bin/su has a setuid or setgid bit"),
        ("usr/bin/write", 0o2755, "/usr/bin/write has a setuid or setgid bit"),
        ("usr/bin/gcc", 0o755, "/usr/bin/gcc is a compiler or linker"),
        ("usr/bin/x86_64-linux-gnu-gcc-14", 0o755, "/usr/bin/x86_64-linux-gnu-gcc-14 is a compiler or linker"),
        ("usr/bin/cc", 0o755, "/usr/bin/cc is a compiler or linker"),
        ("usr/local/bin/pip3", 0o755, "/usr/local/bin/pip3 belongs to pip"),
        ("opt/app/site/pip/__init__.py", 0o644, "/opt/app/site/pip/__init__.py belongs to pip"),
        ("usr/lib/python3.13/ensurepip/__init__.py", 0o644, "/usr/lib/python3.13/ensurepip/__init__.py belongs to pip"),
        ("etc/resolv.conf", 0o644, "/etc/resolv.conf comes from the machine that built the image"),
        ("etc/apt/sources.list", 0o644, "/etc/apt/sources.list comes from the machine that built the image"),
    ],
)
def test_each_broken_promise_is_named(make_archive, path, mode, problem):
    image = read_archive(make_archive(GOOD, {path: (b"x", mode)}))

    assert find_problems(PAUSE, image) == (problem,)


@pytest.mark.parametrize(
    "path", ["usr/share/doc/gcc-14-base/copyright", "usr/bin/accept", "usr/bin/last", "usr/lib/python3.13/pipes.py"]
)
def test_names_that_only_look_alike_are_accepted(make_archive, path):
    assert find_problems(PAUSE, read_archive(make_archive(GOOD, {path: (b"x", 0o755)}))) == ()


@pytest.mark.parametrize("user", ["", "root", "0", "0:0", "app"])
def test_root_and_named_users_are_refused(make_archive, user):
    problems = find_problems(PAUSE, read_archive(make_archive(GOOD, user=user)))

    assert any("a numeric user other than 0" in problem for problem in problems)


def test_another_user_than_declared_is_refused(make_archive):
    with pytest.raises(PermanentToolchainError, match=r"'1:1', but '65535:65535' is declared"):
        verify_image(PAUSE, make_archive(GOOD, user="1:1"))


def test_files_removed_by_a_later_layer_do_not_count(make_archive):
    image = read_archive(
        make_archive(
            {"usr/bin/gcc": (b"x", 0o755), "opt/a/b": (b"x", 0o644), "opt/c": (b"x", 0o644), "./srv/d": (b"x", 0o644)},
            {"usr/bin/.wh.gcc": None, "opt/a": "folder", "opt/a/.wh..wh..opq": None, "opt/a/new": (b"x", 0o644)},
            {".wh.srv": None},
        )
    )

    assert set(image.files) == {"opt/a/new", "opt/c"}


def test_a_file_replaced_by_a_later_layer_counts_once(make_archive):
    image = read_archive(make_archive({"pause": (b"long content", 0o4755)}, {"pause": (b"x", 0o755)}))

    assert image.unpacked_bytes == 1
    assert find_problems(PAUSE, image) == ()


@pytest.mark.parametrize("damage", ["truncate", "empty tar", "text"])
def test_a_damaged_archive_is_refused_with_the_remedy(make_archive, damage):
    path = make_archive(GOOD)
    if damage == "truncate":
        path.write_bytes(path.read_bytes()[:700])
    elif damage == "text":
        path.write_text("not a tar file")
    else:
        with tarfile.open(path, "w"):
            pass

    with pytest.raises(PermanentToolchainError, match="not a complete OCI image archive"):
        read_archive(path)


def test_an_archive_of_no_image_is_refused(tmp_path):
    path = tmp_path / "two.tar"
    index = tmp_path / "index.json"
    index.write_text('{"manifests": []}')
    with tarfile.open(path, "w") as tar:
        tar.add(index, arcname="index.json")

    with pytest.raises(PermanentToolchainError, match="holds 0 images"):
        read_archive(path)
