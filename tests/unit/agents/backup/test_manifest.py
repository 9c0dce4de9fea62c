import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.backup.errors import KeyWrongError, ManifestRefusedError
from agents.backup.manifest import (
    LevelResult,
    Proof,
    open_manifest,
    open_proof,
    refuse_foreign,
    refuse_stale,
    seal_manifest,
    seal_proof,
)
from agents.backup.signature import Signer, Verifier, new_key_pair, read_signer, read_verifier

WHERE = "set/manifest.json"


def test_a_sealed_manifest_opens_as_it_was(keys, manifest) -> None:
    signer, verifier = keys

    opened = open_manifest(seal_manifest(manifest, signer), verifier, label=manifest.label, where=WHERE)

    assert opened == manifest


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace('"rows":3', '"rows":2'),
        lambda text: text.replace("0018_expand", "0017_expand"),
        lambda text: text.replace('"label":', '"label" :', 1),
        lambda text: text[: len(text) // 2],
        lambda _text: "",
        lambda text: text.replace('"signature"', '"extra":1,"signature"'),
    ],
    ids=["row count", "migration head", "a space", "truncated", "empty", "unknown field"],
)
def test_an_edited_manifest_is_refused_and_the_file_is_named(keys, manifest, edit) -> None:
    signer, verifier = keys
    content = seal_manifest(manifest, signer)
    edited = edit(content.decode()).encode()
    assert edited != content

    with pytest.raises(ManifestRefusedError, match=WHERE):
        open_manifest(edited, verifier, label=manifest.label, where=WHERE)


@given(data=st.data())
def test_no_flipped_bit_of_a_manifest_passes(sealed: tuple[bytes, Verifier, str], data: st.DataObject) -> None:
    content, verifier, label = sealed
    position = data.draw(st.integers(0, len(content) - 2))  # the last byte is the line end, which no signature covers
    bit = data.draw(st.integers(0, 7))
    damaged = bytearray(content)
    damaged[position] ^= 1 << bit

    with pytest.raises((ManifestRefusedError, KeyWrongError)):
        open_manifest(bytes(damaged), verifier, label=label, where=WHERE)


@pytest.fixture(scope="module")
def sealed(tmp_path_factory) -> tuple[bytes, Verifier, str]:
    folder = tmp_path_factory.mktemp("keys")
    private, public = new_key_pair()
    (folder / "private.pem").write_bytes(private)
    (folder / "public.pem").write_bytes(public)
    document = json.dumps({"label": "x"}).encode()
    return read_signer(folder / "private.pem").sign("manifest", document), read_verifier(folder / "public.pem"), "x"


def test_a_manifest_of_another_set_is_refused(keys, manifest) -> None:
    signer, verifier = keys

    with pytest.raises(ManifestRefusedError, match=f"is the manifest of {manifest.label}, not of 20260309"):
        open_manifest(seal_manifest(manifest, signer), verifier, label="20260309-030000L", where=WHERE)


def test_a_manifest_signed_with_an_unknown_key_is_refused(keys, manifest, tmp_path) -> None:
    _, verifier = keys
    private, _ = new_key_pair()
    (tmp_path / "other.pem").write_bytes(private)
    other = read_signer(tmp_path / "other.pem")

    with pytest.raises(KeyWrongError, match=f"signed with key {other.key_id}"):
        open_manifest(seal_manifest(manifest, other), verifier, label=manifest.label, where=WHERE)


def test_a_rotated_key_keeps_old_manifests_readable(keys, manifest, tmp_path) -> None:
    signer, _ = keys
    _, public = new_key_pair()
    (tmp_path / "both.pem").write_bytes(public + (tmp_path / "public.pem").read_bytes())

    both = read_verifier(tmp_path / "both.pem")

    assert open_manifest(seal_manifest(manifest, signer), both, label=manifest.label, where=WHERE) == manifest


def test_a_proof_never_passes_for_a_manifest(keys, manifest) -> None:
    signer, verifier = keys
    proof = Proof(
        label=manifest.label,
        manifest_sha256="f" * 64,
        verified_at=datetime(2026, 3, 2, 4, tzinfo=UTC),
        reached=5,
        levels=(LevelResult(0, "passed", (), 0.1),),
    )
    content = seal_proof(proof, signer)

    assert open_proof(content, verifier, where="set/proof.json") == proof
    with pytest.raises(ManifestRefusedError):
        open_manifest(content, verifier, label=manifest.label, where=WHERE)


@pytest.mark.parametrize(
    ("age", "refused"),
    [
        (timedelta(hours=26), None),
        (timedelta(hours=26, seconds=1), "older than 26 h"),
        (timedelta(minutes=-5), None),
        (timedelta(minutes=-5, seconds=-1), "in the future"),
    ],
)
def test_a_stale_manifest_and_one_from_the_future_are_refused(manifest, age, refused) -> None:
    def check() -> None:
        refuse_stale(
            manifest,
            now=manifest.finished_at + age,
            max_age=timedelta(hours=26),
            max_skew=timedelta(minutes=5),
            where=WHERE,
        )

    if refused is None:
        check()
        return
    with pytest.raises(ManifestRefusedError, match=refused):
        check()


@pytest.mark.parametrize(
    ("identifier", "database"), [("7000000000000000002", "cryoprotect"), ("7000000000000000001", "other")]
)
def test_a_set_of_another_cluster_or_database_is_refused(manifest, identifier, database) -> None:
    refuse_foreign(manifest, system_identifier="7000000000000000001", database="cryoprotect", where=WHERE)

    with pytest.raises(ManifestRefusedError, match="another cluster"):
        refuse_foreign(manifest, system_identifier=identifier, database=database, where=WHERE)


def test_a_manifest_of_a_newer_agent_is_refused_by_name(keys, manifest) -> None:
    signer, verifier = keys
    newer = {**msgspec.to_builtins(manifest), "format": 2}

    with pytest.raises(ManifestRefusedError, match="another version of the agent"):
        open_manifest(
            signer.sign("manifest", msgspec.json.encode(newer, order="sorted")), verifier, label="x", where=WHERE
        )


def test_keys_that_are_none_are_refused(tmp_path) -> None:
    path = tmp_path / "key.pem"
    path.write_text("no key", encoding="utf-8")

    for read in (read_signer, read_verifier):
        with pytest.raises(KeyWrongError, match=r"key\.pem"):
            read(path)


def test_a_public_key_cannot_sign(keys, tmp_path) -> None:
    assert isinstance(keys[0], Signer)
    with pytest.raises(KeyWrongError, match="private key"):
        read_signer(tmp_path / "public.pem")
