"""Releases and records together: registered, verified, promoted, and still there after a restart."""

import shutil

import pytest

from model_server.errors import ArtefactInvalidError, RegistryBusyError, RegistryRefusedError
from model_server.registry.card import digest_of
from model_server.registry.record import CHAMPION, Decision, assign_alias
from model_server.registry.registry import Place, Registry, open_registry
from model_server.registry.signature import new_key_pair, read_verifier, sign_digest
from model_server.registry.store import FolderStore

WHY = "better on the held-out sugars"


def promote(registry, version, **more):
    return registry.assign("tg", CHAMPION, version, registry.act("ada", WHY), **more)


def test_shipped_releases_are_there_without_any_folder(make_registry):
    registry = make_registry(writable=False)

    assert registry.names() == ["tg"]
    assert registry.champion("tg") == "1.1.0"
    assert registry.load("tg", "1.0.0").card.model.version == "1.0.0"
    with pytest.raises(RegistryRefusedError, match="CRYO_REGISTRY_DIR"):
        promote(registry, "1.0.0")


def test_registered_release_outlives_the_folder_it_came_from(registry, trained, make_registry):
    release, _ = registry.register(trained, who="ada", why=WHY)
    shutil.rmtree(trained)

    promote(make_registry(), "2.0.0")

    again = make_registry()
    assert again.champion("tg") == "2.0.0"
    assert again.load("tg", "2.0.0").digest == release.digest
    assert [each.action for each in again.record("tg").history] == ["register", "promote"]


def test_promoted_version_outlives_the_image_it_was_shipped_in(registry, tmp_path):
    promote(registry, "1.0.0")

    later = Registry(Place(tmp_path / "another image", FolderStore(tmp_path / "registry")))

    assert later.champion("tg") == "1.0.0"
    assert later.load("tg", "1.0.0").card.model.version == "1.0.0"


def test_decision_for_what_leads_anyway_is_kept(registry):
    promote(registry, "1.1.0")

    record = registry.record("tg")
    assert [each.version for each in record.history] == ["1.1.0"]
    assert record.aliases == {"champion": "1.1.0"}


def test_time_person_and_reason_are_kept(registry):
    promote(registry, "1.0.0")

    [noted] = registry.record("tg").history
    assert (noted.act.at, noted.act.who, noted.act.why) == ("2026-01-02T03:04:05Z", "ada", WHY)
    assert noted.replaced == "1.1.0"


def test_version_below_its_baseline_is_not_promoted(registry):
    with pytest.raises(RegistryRefusedError, match="not promotable"):
        promote(registry, "1.10.0")

    promote(registry, "1.10.0", override=True)
    assert registry.champion("tg") == "1.10.0"


@pytest.mark.parametrize("name", ["model.onnx", "card.md", "known.json", "points.json", "fingerprints.npy"])
def test_file_changed_in_the_store_is_found_and_not_promoted(registry, trained, tmp_path, name):
    registry.register(trained, who="ada", why=WHY)
    [stored] = (tmp_path / "registry" / "artefacts").glob(f"*/{name}")
    content = bytearray(stored.read_bytes())
    content[len(content) // 2] ^= 1
    stored.write_bytes(content)

    with pytest.raises(ArtefactInvalidError, match=f"{name}: sha256 is"):
        registry.load("tg", "2.0.0")
    with pytest.raises(ArtefactInvalidError):
        promote(registry, "2.0.0")
    assert registry.champion("tg") == "1.1.0"


def test_swapped_card_is_found_by_the_registered_digest(registry, trained, tmp_path):
    registry.register(trained, who="ada", why=WHY)
    [card] = (tmp_path / "registry" / "artefacts").glob("*/card.json")
    card.write_text(card.read_text().replace("everything", "nothing at all"))

    with pytest.raises(ArtefactInvalidError, match="registered is"):
        registry.load("tg", "2.0.0")


def test_half_written_release_is_not_taken_for_one(registry, trained, tmp_path, monkeypatch):
    honest, written = FolderStore.create, []

    def killed(self, key, content):
        written.append(key)
        if len(written) == 4:
            raise KeyboardInterrupt
        honest(self, key, content)

    with monkeypatch.context() as patch:
        patch.setattr(FolderStore, "create", killed)
        with pytest.raises(KeyboardInterrupt):
            registry.register(trained, who="ada", why=WHY)
    assert "2.0.0" not in registry.record("tg").versions

    registry.register(trained, who="ada", why=WHY)
    assert registry.load("tg", "2.0.0").card.model.version == "2.0.0"


def test_same_version_with_other_content_is_refused(registry, trained):
    registry.register(trained, who="ada", why=WHY)
    card = trained / "card.json"
    card.write_text(card.read_text().replace("everything", "nothing at all"))

    with pytest.raises(RegistryRefusedError, match="raise the version number"):
        registry.register(trained, who="ada", why=WHY)


def test_change_is_decided_again_when_somebody_was_faster(registry):
    decided = []

    def decide(record) -> Decision:
        decided.append(record.aliases[CHAMPION])
        if len(decided) == 1:
            promote(registry, "1.0.0")
        return assign_alias(record, "challenger", "1.10.0", registry.act("ada", WHY))

    registry.change("tg", decide)

    assert decided == ["1.1.0", "1.0.0"]
    assert registry.record("tg").aliases == {"champion": "1.0.0", "previous": "1.1.0", "challenger": "1.10.0"}


def test_change_that_never_gets_through_is_given_up(registry):
    def decide(record) -> Decision:
        held = record.aliases[CHAMPION]
        promote(registry, "1.0.0" if held == "1.1.0" else "1.1.0")
        return assign_alias(record, "challenger", "1.10.0", registry.act("ada", WHY))

    with pytest.raises(RegistryBusyError):
        registry.change("tg", decide)


def test_unreadable_record_is_an_error_and_no_empty_one(registry, tmp_path):
    promote(registry, "1.0.0")
    (tmp_path / "registry" / "models" / "tg.json").write_text("{")

    with pytest.raises(ArtefactInvalidError, match="restore it from a backup"):
        registry.record("tg")


class Signed:
    """A registry that trusts one key."""

    def __init__(self, shipped, tmp_path):
        self.pair, self.other = new_key_pair(), new_key_pair()
        keys = tmp_path / "keys.pem"
        keys.write_bytes(new_key_pair().public + self.pair.public)
        self.registry = Registry(Place(shipped, FolderStore(tmp_path / "signed")), verifier=read_verifier(keys))

    def sign(self, folder, private=None):
        digest = digest_of((folder / "card.json").read_bytes())
        (folder / "signature.json").write_bytes(sign_digest(digest, private or self.pair.private, where="test"))


@pytest.fixture
def signed(shipped, tmp_path) -> Signed:
    return Signed(shipped, tmp_path)


def test_unsigned_release_is_refused_where_a_key_is_configured(signed, trained):
    with pytest.raises(ArtefactInvalidError, match="not signed"):
        signed.registry.load("tg", "1.0.0")
    with pytest.raises(ArtefactInvalidError, match="not signed"):
        signed.registry.register(trained, who="ada", why=WHY)


def test_signed_release_is_registered_promoted_and_loaded(signed, trained):
    signed.sign(trained)

    signed.registry.register(trained, who="ada", why=WHY)
    promote(signed.registry, "2.0.0")

    assert signed.registry.load("tg", "2.0.0").card.model.version == "2.0.0"


def test_release_signed_by_a_stranger_or_changed_after_signing_is_refused(signed, trained):
    signed.sign(trained, signed.other.private)
    with pytest.raises(ArtefactInvalidError, match="signed by key"):
        signed.registry.register(trained, who="ada", why=WHY)

    signed.sign(trained)
    card = trained / "card.json"
    card.write_text(card.read_text().replace("everything", "nothing at all"))
    with pytest.raises(ArtefactInvalidError, match="the signature is not of"):
        signed.registry.register(trained, who="ada", why=WHY)


def test_signature_removed_from_the_store_is_noticed(signed, trained, tmp_path):
    signed.sign(trained)
    signed.registry.register(trained, who="ada", why=WHY)
    [signature] = (tmp_path / "signed" / "artefacts").glob("*/signature.json")
    signature.unlink()

    with pytest.raises(ArtefactInvalidError, match="not signed"):
        signed.registry.load("tg", "2.0.0")


def test_settings_open_the_registry_they_describe(shipped, tmp_path):
    assert open_registry(shipped, None).is_writable is False
    assert open_registry(shipped, FolderStore(tmp_path / "r")).is_writable is True
