"""Fetching against a real HTTP server on the loopback interface; nothing leaves the machine."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import msgspec
import pytest

from cryo.commands.model import download
from model_server.data.fetch import fetch_datasets, refuse_scheme, require_all
from model_server.errors import DatasetInvalidError, DatasetMissingError

CONTENT = b"Species,SMILES\nwater,O\n"


class Files(BaseHTTPRequestHandler):
    def do_GET(self):
        found = self.path == "/set.csv"
        self.send_response(200 if found else 404)
        self.end_headers()
        self.wfile.write(CONTENT if found else b"no")

    def log_message(self, *arguments):
        """Keep the test's output clean."""


@pytest.fixture
def server():
    with HTTPServer(("127.0.0.1", 0), Files) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.fixture
def told(manifest, server):
    source = msgspec.structs.replace(manifest.source, url=f"{server}/set.csv")
    digest = hashlib.sha256(CONTENT).hexdigest()
    return msgspec.structs.replace(manifest, path="some/set.csv", sha256=digest, source=source)


def test_absent_set_is_fetched_once_and_then_left_alone(told, tmp_path):
    first = fetch_datasets([told], tmp_path, download)
    again = fetch_datasets([told], tmp_path, download)

    assert (tmp_path / "some" / "set.csv").read_bytes() == CONTENT
    assert [entry.outcome for entry in (*first, *again)] == ["fetched", "present"]


def test_file_with_another_checksum_is_not_kept(told, tmp_path):
    other = msgspec.structs.replace(told, sha256="0" * 64)

    with pytest.raises(DatasetInvalidError, match="sha256"):
        fetch_datasets([other], tmp_path, download)

    assert list(tmp_path.iterdir()) == []


def test_changed_file_that_is_already_there_is_refused(told, tmp_path):
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "set.csv").write_bytes(b"edited")

    with pytest.raises(DatasetInvalidError, match="sha256"):
        fetch_datasets([told], tmp_path, download)


def test_address_that_does_not_answer_is_told(told, tmp_path, server):
    source = msgspec.structs.replace(told.source, url=f"{server}/absent.csv")

    with pytest.raises(DatasetMissingError, match="404"):
        fetch_datasets([msgspec.structs.replace(told, source=source)], tmp_path, download)


def test_set_without_address_is_named_with_its_origin(told, tmp_path):
    bare = msgspec.structs.replace(told, source=msgspec.structs.replace(told.source, url=None))
    outcomes = fetch_datasets([bare], tmp_path, download)

    with pytest.raises(DatasetMissingError, match=r"U0M0Z/tgpipe.*some/set\.csv"):
        require_all(outcomes, [bare])


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://example.org/x"])
def test_address_that_is_no_web_address_is_refused(url):
    with pytest.raises(DatasetInvalidError, match="neither http nor https"):
        refuse_scheme(url)
