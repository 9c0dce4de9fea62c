"""Vendored files: another tarball, another file or a changed copy is noticed."""

import base64
import dataclasses
import hashlib
import io
import tarfile

import pytest

from toolchain.errors import PermanentToolchainError
from toolchain.vendored import LIST_FILE, Package, find_differences, read_list, unpack

CONTENT = b"export default 1;\n"


def tarball_of(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


@pytest.fixture
def tarball() -> bytes:
    return tarball_of(a=CONTENT, b=b"not wanted")


@pytest.fixture
def package(tarball) -> Package:
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(tarball).digest()).decode()
    return Package("x", "1.0.0", "MIT", integrity, {"x.js": "a"}, {"x.js": hashlib.sha256(CONTENT).hexdigest()})


def test_only_listed_files_are_taken(package, tarball):
    assert unpack(package, tarball) == {"x.js": CONTENT}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"integrity": "sha512-AAAA"}, "the list says sha512-AAAA"),
        ({"hashes": {"x.js": "0" * 64}}, "has sha256"),
        ({"sources": {"x.js": "c"}}, "holds no c"),
    ],
)
def test_anything_other_than_listed_is_refused(package, tarball, change, words):
    with pytest.raises(PermanentToolchainError, match=words):
        unpack(dataclasses.replace(package, **change), tarball)


def test_changed_absent_and_unlisted_files_are_told(package, tmp_path):
    listed = dataclasses.replace(package, hashes={**package.hashes, "y.js": "0" * 64})
    (tmp_path / "x.js").write_bytes(CONTENT + b" ")
    (tmp_path / "z.js").write_bytes(b"")
    (tmp_path / LIST_FILE).write_text("")

    found = find_differences(tmp_path, (listed,))

    assert [problem.split()[0] for problem in found] == ["z.js", "x.js", "y.js"]


def test_list_without_hashes_is_refused(tmp_path):
    (tmp_path / LIST_FILE).write_text('[[package]]\nname = "x"\n')

    with pytest.raises(PermanentToolchainError, match="every package needs"):
        read_list(tmp_path / LIST_FILE)
