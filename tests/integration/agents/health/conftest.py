"""Servers of two versions for the checks, each with our own schema in its database `base`."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from health_servers import GOOD, Server, copy_newest, find_debian, load_base, start_server


@pytest.fixture(scope="session", params=["Debian", "18"])
def server(request) -> Iterator[Server]:
    if request.param == "Debian":
        with start_server(find_debian(), GOOD) as running:
            yield load_base(running)
        return
    bare = {name: value for name, value in GOOD.items() if name != "shared_preload_libraries"}
    with copy_newest() as binaries, start_server(binaries, bare) as running:
        yield load_base(running)


@pytest.fixture(scope="session")
def debian() -> Iterator[Server]:
    """A server of its own, for tests that change it as a whole."""
    with start_server(find_debian(), GOOD) as running:
        yield load_base(running)
