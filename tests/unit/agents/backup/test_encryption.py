import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.backup.encryption import (
    hash_file,
    new_key_pair,
    open_file,
    read_identities,
    read_recipients,
    seal_file,
)
from agents.backup.errors import KeyWrongError, SetDamagedError


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    folder = tmp_path_factory.mktemp("age")
    secret, public = new_key_pair()
    (folder / "secret").write_text(f"# made for a test\n{secret}\n", encoding="utf-8")
    (folder / "public").write_text(f"{public}\n", encoding="utf-8")
    return read_recipients(folder / "public"), read_identities(folder / "secret")


@given(content=st.binary(max_size=200_000))
@settings(max_examples=30)
def test_a_file_comes_back_as_it_was(tmp_path_factory, pair, content) -> None:
    folder = tmp_path_factory.mktemp("file")
    (folder / "plain").write_bytes(content)
    recipients, identities = pair

    stored = seal_file(folder / "plain", folder / "sealed", recipients)
    open_file(folder / "sealed", folder / "back", identities, name="x")

    assert stored == hash_file(folder / "sealed")
    assert (folder / "back").read_bytes() == content


@pytest.mark.parametrize(
    "damage",
    [lambda raw: raw[:-1], lambda raw: raw[:-40] + bytes([raw[-40] ^ 1]) + raw[-39:], lambda raw: raw + b"x"],
    ids=["truncated", "flipped", "appended"],
)
def test_damage_is_noticed_and_the_object_named(tmp_path, pair, damage) -> None:
    (tmp_path / "plain").write_bytes(b"data" * 1000)
    seal_file(tmp_path / "plain", tmp_path / "sealed", pair[0])
    (tmp_path / "sealed").write_bytes(damage((tmp_path / "sealed").read_bytes()))

    with pytest.raises(SetDamagedError, match=r"dump/1\.dat"):
        open_file(tmp_path / "sealed", tmp_path / "back", pair[1], name="dump/1.dat")


def test_a_file_opens_with_any_of_several_keys_and_with_no_other(tmp_path, pair) -> None:
    secret, public = new_key_pair()
    (tmp_path / "both").write_text("\n".join([*pair[0].ids, public]), encoding="utf-8")
    (tmp_path / "escrow").write_text(secret, encoding="utf-8")
    (tmp_path / "stranger").write_text(new_key_pair()[0], encoding="utf-8")
    (tmp_path / "plain").write_bytes(b"data")
    seal_file(tmp_path / "plain", tmp_path / "sealed", read_recipients(tmp_path / "both"))

    open_file(tmp_path / "sealed", tmp_path / "one", pair[1], name="x")
    open_file(tmp_path / "sealed", tmp_path / "two", read_identities(tmp_path / "escrow"), name="x")
    with pytest.raises(KeyWrongError, match="none of the keys opens it"):
        open_file(tmp_path / "sealed", tmp_path / "three", read_identities(tmp_path / "stranger"), name="x")


@pytest.mark.parametrize("read", [read_recipients, read_identities])
@pytest.mark.parametrize("text", [None, "", "# only a comment\n", "age1nonsense"])
def test_a_key_file_without_a_key_is_refused(tmp_path, read, text) -> None:
    path = tmp_path / "key"
    if text is not None:
        path.write_text(text, encoding="utf-8")

    with pytest.raises(KeyWrongError, match="key"):
        read(path)


def test_secret_keys_are_never_printed(pair) -> None:
    assert "AGE-SECRET" not in repr(pair[1])
