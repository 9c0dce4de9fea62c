"""The pinned programs, and a live Alertmanager that delivers to receivers of this process."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def program():
    """Return a built program by tool and name."""

    def find(tool, name):
        folder = Path(os.environ.get("CRYO_CACHE", "/var/cache/cryoprotect")) / "toolchain"
        found = sorted(folder.glob(f"{tool}-*/bin/{name}"), key=lambda path: path.stat().st_mtime)
        assert found, f"no {name}; `make toolchain` builds it"
        return found[-1]

    return find
