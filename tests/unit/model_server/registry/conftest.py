"""Made-up releases and a registry whose clock stands still."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from model_server.registry.registry import Place, Registry
from model_server.registry.store import FolderStore

sys.path.append(str(Path(__file__).resolve().parents[4] / "bench"))
from releases import MadeUp, write_made_up


@pytest.fixture(scope="session")
def shipped(tmp_path_factory) -> Path:
    """Releases that came with the code: two good versions of tg and one that does not beat its baseline."""
    folder = tmp_path_factory.mktemp("shipped")
    write_made_up(folder, MadeUp(version="1.0.0", offset=200.0))
    write_made_up(folder, MadeUp(version="1.1.0", offset=300.0))
    write_made_up(folder, MadeUp(version="1.10.0", offset=400.0, promotable=False))
    return folder


@pytest.fixture
def trained(tmp_path) -> Path:
    """A release that somebody has just trained."""
    return write_made_up(tmp_path / "trained", MadeUp(version="2.0.0", offset=500.0))


@pytest.fixture
def make_registry(shipped, tmp_path):
    def make(*, verifier=None, writable=True) -> Registry:
        store = FolderStore(tmp_path / "registry") if writable else None
        return Registry(
            Place(shipped, store), verifier=verifier, clock=lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        )

    return make


@pytest.fixture
def registry(make_registry) -> Registry:
    return make_registry()
