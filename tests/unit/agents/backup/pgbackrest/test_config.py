import stat
from dataclasses import replace
from pathlib import Path

import pytest

from agents.backup.errors import KeyWrongError
from agents.backup.pgbackrest.config import DatabaseHost, EngineSettings, TlsFiles, render_config, write_config
from agents.backup.repositories import PosixStore, Repositories, Repository, S3Store

PHRASE = "correct horse battery"


@pytest.fixture
def settings(tmp_path):
    for name, text in (("id", "writer\n"), ("key", "s3cret\n"), ("phrase", PHRASE + "\n")):
        (tmp_path / name).write_text(text)
    near = S3Store(
        "backups", "store:9000", "eu", tmp_path / "id", tmp_path / "key", path="/main", ca_file=tmp_path / "ca.crt"
    )
    tls = TlsFiles(Path("/tls/ca.crt"), Path("/tls/tls.crt"), Path("/tls/tls.key"))
    return EngineSettings(
        stanza="main",
        repositories=Repositories(
            Repository(near, cipher_key_file=tmp_path / "phrase"), Repository(PosixStore(Path("/far")))
        ),
        database=DatabaseHost(Path("/data"), Path("/sock"), host="postgres-backup"),
        folder=tmp_path / "private",
        tls=tls,
        serve_to="postgres",
    )


def test_every_setting_has_its_line(settings):
    text = write_config(settings).read_text()

    for line in (
        "repo1-s3-endpoint=store:9000",
        "repo1-s3-uri-style=path",
        "repo1-cipher-type=aes-256-cbc",
        f"repo1-cipher-pass={PHRASE}",
        "repo1-retention-full=9999999",
        "repo2-type=posix",
        "pg1-host=postgres-backup",
        "pg1-host-type=tls",
        "tls-server-auth=postgres=main",
        "expire-auto=n",
    ):
        assert line in text.splitlines()
    assert text.index("[global]") < text.index("[main]") < text.index("pg1-path")


def test_only_its_owner_reads_the_file_also_when_it_replaces_another(settings):
    settings.folder.mkdir()
    settings.config_file.write_text("old")
    settings.config_file.chmod(0o644)

    write_config(settings)

    assert stat.S_IMODE(settings.config_file.stat().st_mode) == 0o600


def test_a_missing_key_leaves_the_file_as_it_was(settings, tmp_path):
    write_config(settings)
    before = settings.config_file.read_text()
    (tmp_path / "phrase").unlink()

    with pytest.raises(KeyWrongError, match="phrase"):
        write_config(settings)

    assert before == settings.config_file.read_text()


def test_without_a_host_nothing_is_said_about_tls(settings):
    local = replace(settings, database=DatabaseHost(Path("/data"), Path("/sock")), serve_to=None)

    text = render_config(local, dict.fromkeys([*local_files(local)], "x"))

    assert "-host" not in text
    assert "tls-server" not in text


def local_files(settings):
    store = settings.repositories.near.store
    return store.key_id_file, store.key_file, settings.repositories.near.cipher_key_file
