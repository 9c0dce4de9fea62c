"""What `pgbackrest info --output=json` says, as backup sets; pure."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from agents.backup.engine import BackupKind, BackupSet, Lsn
from agents.backup.errors import EngineFailedError, KeyWrongError, RepositoryUnavailableError, SettingsInvalidError
from agents.backup.wal import Segment

# Cited: pgBackRest 2.55, command/info/info.c: status codes of a stanza and of a repository.
_OK = 0
_NO_STANZA = 1
_NO_BACKUP = 2
_NO_STANZA_DATA = 3
# Measured: with a wrong key the parser may meet the garbage before the cipher checks its end.
_WRONG_KEY = ("CryptoError", "cipher", "key/value found outside of section")


def parse_info(text: str, stanza: str) -> list[BackupSet]:
    """Return the complete sets of a stanza in all its repositories, oldest first.

    Raises:
        SettingsInvalidError: a repository does not know the stanza yet.
        KeyWrongError: a repository cannot be read with the key that is configured.
        RepositoryUnavailableError: a repository could not be read for another reason.
        EngineFailedError: the text is not what pgBackRest 2.55 writes.
    """
    try:
        # Messages of several lines are written as they are, which JSON does not allow (2.55.1, measured).
        stanzas = {entry["name"]: entry for entry in json.loads(text, strict=False)}
        entry = stanzas.get(stanza)
        if entry is None:
            message = f'no repository knows the stanza "{stanza}"; create it with `cryo backup prepare`'
            raise SettingsInvalidError(message)
        for repository in entry.get("repo", ()):
            _require_readable(repository, stanza)
        sets = [_read_set(backup) for backup in entry.get("backup", ())]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        message = f"pgbackrest info wrote something else than sets ({error!r}); is it version 2.55?"
        raise EngineFailedError(message) from error
    return sorted(sets, key=lambda each: (each.finished_at, each.label))


def _require_readable(repository: Mapping[str, Any], stanza: str) -> None:
    code, told = repository["status"]["code"], repository["status"]["message"]
    where = f"repository {repository['key']}"
    if code in (_OK, _NO_BACKUP):
        return
    if code in (_NO_STANZA, _NO_STANZA_DATA):
        message = f'{where} does not know the stanza "{stanza}" ({told}); create it with `cryo backup prepare`'
        raise SettingsInvalidError(message)
    first = told.partition("\n")[0].rstrip(":")
    if any(words in told for words in _WRONG_KEY):
        message = f"{where} cannot be read with the configured key ({first}); configure the key it was made with"
        raise KeyWrongError(message)
    message = f"{where} cannot be read: {first}; check the store and its credentials, then try again"
    raise RepositoryUnavailableError(message)


def _read_set(backup: Mapping[str, Any]) -> BackupSet:
    archive, lsn = backup["archive"], backup["lsn"]
    start = Segment.parse(archive["start"]) if archive["start"] else None
    info = backup["info"]
    # With bundles and block maps the share of a set in the repository is its data and its maps.
    stored = info["repository"]["delta"] + (info["repository"].get("delta-map") or 0)
    return BackupSet(
        label=backup["label"],
        kind=BackupKind(backup["type"]),
        started_at=datetime.fromtimestamp(backup["timestamp"]["start"], UTC),
        finished_at=datetime.fromtimestamp(backup["timestamp"]["stop"], UTC),
        size_bytes=info["size"],
        stored_bytes=stored,
        repository=backup["database"]["repo-key"],
        parent=backup["prior"],
        lsn_start=Lsn.parse(lsn["start"]) if lsn.get("start") else None,
        lsn_stop=Lsn.parse(lsn["stop"]) if lsn.get("stop") else None,
        wal_start=archive["start"],
        wal_stop=archive["stop"],
        timeline=start.timeline if start else None,
        has_error=bool(backup["error"]),
        annotations=dict(backup.get("annotation") or {}),
        references=tuple(backup.get("reference") or ()),
    )
