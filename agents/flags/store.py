"""Reads all flags with one query; the document is checked against the model before anybody trusts it."""

from collections.abc import Mapping
from uuid import UUID

import msgspec

from agents.flags.errors import SnapshotInvalidError
from agents.flags.model import Flag, Snapshot
from agents.runtime.clock import Deadline
from agents.runtime.postgres import Database, load_queries


class _Document(msgspec.Struct, frozen=True):
    """What `private.read_feature_flags()` answers."""

    flags: tuple[Flag, ...]
    memberships: dict[UUID, frozenset[UUID]]


_DECODER = msgspec.json.Decoder(_Document)


class FlagStore:
    """The flags of one database."""

    def __init__(self, database: Database) -> None:
        """Prepare; nothing is asked yet."""
        self._database = database
        self._query = load_queries("agents.flags")["read_snapshot"]

    def read_snapshot(self, deadline: Deadline | None = None) -> Snapshot:
        """Return all flags of one moment.

        Raises:
            SnapshotInvalidError: the answer does not fit the model.
            DatabaseUnavailableError: no answer.
        """
        row = self._database.fetch_one(self._query, deadline=deadline)
        return parse_snapshot(row[0] if row else None)


def parse_snapshot(document: object) -> Snapshot:
    """Read the database's answer.

    Raises:
        SnapshotInvalidError: it is not a set of flags.
    """
    if not isinstance(document, str):
        message = f"private.read_feature_flags() answered {type(document).__name__}, not text; run `cryo migrate apply`"
        raise SnapshotInvalidError(message)
    try:
        decoded = _DECODER.decode(document)
    except msgspec.MsgspecError as error:
        message = f"private.read_feature_flags(): {error}; code and schema differ, run `cryo migrate apply`"
        raise SnapshotInvalidError(message) from error
    flags: Mapping[str, Flag] = {flag.name: flag for flag in decoded.flags}
    return Snapshot(flags=flags, memberships=decoded.memberships)
