"""What every test shares."""

from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

# How long an example takes says something about the machine, not about the claim.
settings.register_profile("platform", deadline=None)
settings.load_profile("platform")


@pytest.fixture(autouse=True)
def logs_go_where_they_went() -> Iterator[None]:
    """A command that ran inside a test has sent the process's log to that test's captured stream, which is closed."""
    yield
    structlog.reset_defaults()
