"""The content hash covers all that goes into an image, and nothing else."""

import dataclasses
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolchain.errors import PermanentToolchainError
from toolchain.images import content_hash as hashing
from toolchain.images.content_hash import content_hash, file_digest
from toolchain.images.inputs import base_identity, digest_tree, list_tree, read_inputs
from toolchain.images.request import BuildRequest, image_layout
from toolchain.images.spec import SPECS, ImageSpec, Tree, build_order

SPEC = ImageSpec(name="agents", user="1:1", expected_s=1, trees=(Tree("agents"),), group="agents")


def hash_of(repository):
    return content_hash(SPEC, digest_tree(repository, Tree("agents")))


@given(content=st.binary(min_size=1, max_size=200), data=st.data())
def test_any_changed_byte_of_an_input_changes_the_hash(content, data):
    position = data.draw(st.integers(0, len(content) - 1))
    other = bytearray(content)
    other[position] ^= data.draw(st.integers(1, 255))

    hashes = set()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "agents" / "apply.py"
        path.parent.mkdir()
        for version in (content, bytes(other)):
            path.write_bytes(version)
            hashes.add(hash_of(Path(folder)))

    assert len(hashes) == 2


@given(
    inputs=st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=8), min_size=1, max_size=6), data=st.data()
)
def test_any_changed_label_or_digest_changes_the_hash_and_order_does_not(inputs, data):
    label = data.draw(st.sampled_from(sorted(inputs)))
    without = {key: value for key, value in inputs.items() if key != label}
    changed = {**inputs, label: inputs[label] + "x"}

    original = content_hash(SPEC, inputs)

    assert original == content_hash(SPEC, dict(reversed(inputs.items())))
    assert len({original, content_hash(SPEC, without), content_hash(SPEC, changed)}) == 3


@pytest.mark.parametrize(
    "path",
    [
        "agents/__pycache__/apply.cpython-313.pyc", "agents/migrate/stray.pyc", "agents/tests/test_apply.py",
        "agents/.mypy_cache/x", "agents/migrate/apply.py~", "README.md", "infra/config.py", "images/pause/tests/t.py",
    ],
)  # fmt: skip
def test_an_unrelated_file_does_not_change_the_hash(repository, path):
    before = hash_of(repository), content_hash(SPEC, digest_tree(repository, Tree("images/pause")))

    (repository / path).parent.mkdir(parents=True, exist_ok=True)
    (repository / path).write_text("something")

    assert before == (hash_of(repository), content_hash(SPEC, digest_tree(repository, Tree("images/pause"))))


def test_times_do_not_change_the_hash_but_the_executable_bit_does(repository):
    path = repository / "agents/migrate/apply.py"
    before = hash_of(repository)

    os.utime(path, (1, 1))
    assert before == hash_of(repository)

    path.chmod(0o755)
    assert before != hash_of(repository)


def test_a_renamed_or_added_file_changes_the_hash(repository):
    before = hash_of(repository)
    (repository / "agents/migrate/apply.sql").rename(repository / "agents/migrate/applied.sql")
    renamed = hash_of(repository)
    (repository / "agents/new.py").write_text("")

    assert len({before, renamed, hash_of(repository)}) == 3


def test_what_a_tree_leaves_out_is_neither_listed_nor_hashed(repository):
    tree = Tree("agents", without=("migrate",))

    assert [path.as_posix() for path in list_tree(repository, tree)] == ["agents/__init__.py"]


def test_a_missing_tree_is_named(repository):
    with pytest.raises(PermanentToolchainError, match="migrations is missing"):
        list(list_tree(repository, Tree("migrations")))


@pytest.mark.parametrize(
    "change", [{"user": "2:2"}, {"group": "serve"}, {"parents": ("base",)}, {"trees": (Tree("agents", ("x",)),)}]
)
def test_a_changed_declaration_changes_the_hash(change):
    assert content_hash(SPEC, {}) != content_hash(dataclasses.replace(SPEC, **change), {})


def test_the_expected_duration_does_not_count():
    assert content_hash(SPEC, {}) == content_hash(dataclasses.replace(SPEC, expected_s=99), {})


def test_a_new_builder_format_rebuilds_everything(monkeypatch):
    before = content_hash(SPEC, {})
    monkeypatch.setattr(hashing, "BUILDER_FORMAT", hashing.BUILDER_FORMAT + 1)

    assert before != content_hash(SPEC, {})


def test_the_hash_is_sixteen_hexadecimal_digits():
    assert len(content_hash(SPEC, {})) == 16
    assert int(content_hash(SPEC, {}), 16) >= 0


def test_executable_and_plain_files_with_the_same_content_differ():
    assert file_digest(b"x", executable=True) != file_digest(b"x", executable=False)


def test_the_base_is_known_by_its_pinned_reference_or_by_suite_and_date():
    assert base_identity("registry.example/debian@sha256:ab") == "registry.example/debian@sha256:ab"
    assert base_identity(None).startswith("debootstrap trixie 20")


def test_a_changed_base_or_binary_changes_what_stands_on_it(tmp_path):
    checkout = Path(__file__).parents[4]
    binary = tmp_path / "pause"
    binary.write_bytes(b"one")
    request = BuildRequest(checkout, tmp_path, names=("postgres", "pause"), binaries={"pause": binary})
    order = build_order(frozenset(request.names))
    before = read_inputs(request, image_layout(tmp_path), order).hashes

    binary.write_bytes(b"two")
    other_base = dataclasses.replace(request, base_image="registry.example/debian@sha256:ab")
    after = read_inputs(other_base, image_layout(tmp_path), order).hashes

    assert {name for name in before if before[name] != after[name]} == {"base", "postgres", "pause"}


def test_a_binary_that_is_gone_is_named(tmp_path):
    checkout = Path(__file__).parents[4]
    request = BuildRequest(checkout, tmp_path, names=("pause",), binaries={"pause": tmp_path / "gone"})

    with pytest.raises(PermanentToolchainError, match="binary pause cannot be read"):
        read_inputs(request, image_layout(tmp_path), (SPECS["pause"],))
