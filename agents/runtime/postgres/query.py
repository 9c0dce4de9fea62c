"""Queries have names, because a metric or an error may carry a name and must never carry SQL or its values."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources
from typing import Self

from agents.runtime.errors import PermanentError

_NAME = re.compile(r"[a-z][a-z0-9_]*")


class QueryFileError(PermanentError):
    """A query file breaks a rule; the message names the file and the remedy."""


@dataclass(frozen=True, slots=True)
class Query:
    """One statement under a name."""

    name: str
    """Metric label and the name in errors; lower-case words joined by underscores."""
    text: bytes
    """The statement, with `%(name)s` for its parameters."""
    statement_timeout_s: float | None = None
    """Its own limit; None means the session's. Costs two more round trips inside a transaction."""

    def within(self, statement_timeout_s: float) -> Self:
        """Return the same query with a limit of its own."""
        return replace(self, statement_timeout_s=statement_timeout_s)


def load_queries(package: str) -> Mapping[str, Query]:
    """Read every `.sql` file of a package's folder `sql`, by the name of the file.

    Args:
        package: import name, such as `agents.flags`.

    Raises:
        QueryFileError: a file has no telling name or does not say in its first line what it answers.
    """
    queries: dict[str, Query] = {}
    for entry in sorted(resources.files(package).joinpath("sql").iterdir(), key=lambda each: each.name):
        name = entry.name.removesuffix(".sql")
        if name == entry.name:
            continue
        text = entry.read_bytes()
        if not _NAME.fullmatch(name) or not re.match(rb"--[ ]*\w", text):
            message = (
                f"{package}/sql/{entry.name}: its name must be lower-case words and its first line a comment "
                "that says what the query answers; correct the file"
            )
            raise QueryFileError(message)
        queries[name] = Query(name, text)
    return queries
