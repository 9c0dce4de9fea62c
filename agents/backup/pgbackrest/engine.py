"""pgBackRest as an Engine: sets are taken, listed, checked, restored and expired through its program."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from agents.backup.engine import (
    BackupKind,
    BackupSet,
    Damage,
    Progress,
    RestoreRequest,
)
from agents.backup.errors import (
    EngineFailedError,
    FolderNotEmptyError,
    SetHeldError,
    SettingsInvalidError,
    SetUnknownError,
)
from agents.backup.pgbackrest.config import EngineSettings, write_config
from agents.backup.pgbackrest.info import parse_info
from agents.backup.pgbackrest.manifests import find_unequal_copies
from agents.backup.pgbackrest.program import Program
from agents.backup.pgbackrest.restore import choose_set, restore_options
from agents.backup.pgbackrest.verify import parse_verify
from agents.backup.wal import Archive, find_gaps, history_timeline, read_archive

# Cited: pgBackRest, "Annotations": keys and values are free text of one line.
_ANNOTATION = re.compile(r"[a-z][a-z0-9_-]*")
# Chosen: reading a listing never takes minutes, and a job's own deadline is far away.
_QUICK_S = 300.0
_QUIET = ("--log-level-console=off", "--log-level-stderr=error")


@dataclass(frozen=True, slots=True)
class PgBackRest:
    """One stanza in its repositories."""

    settings: EngineSettings
    program: Program
    limit_s: float = 6 * 3600.0
    """Longest backup, restore or verification."""

    @property
    def name(self) -> str:
        """What the catalogue calls it, with its version."""
        said = self.program.run(None, ["version"], timeout_s=_QUICK_S).split()
        if len(said) != 2:  # noqa: PLR2004 - "pgBackRest 2.55.1"
            message = f"pgbackrest version said {' '.join(said)!r}; is it pgBackRest?"
            raise EngineFailedError(message)
        return f"pgbackrest {said[1]}"

    def prepare(self) -> None:
        """Write the configuration and make the stanza in every repository; a second run changes nothing."""
        write_config(self.settings)
        self._quick(self._stanza, "stanza-create", "--log-level-console=warn")

    def list_sets(self) -> Sequence[BackupSet]:
        """Return the complete sets of every repository, oldest first."""
        said = self._quick(self._stanza, "info", "--output=json", *_QUIET)
        return parse_info(said, self.settings.stanza)

    def back_up(self, kind: BackupKind, *, annotations: Mapping[str, str], progress: Progress) -> BackupSet:
        """Take one set in the near repository and return it as it is now listed."""
        if kind is BackupKind.LOGICAL:
            message = "pgbackrest takes physical sets; dumps are taken by the logical engine"
            raise SettingsInvalidError(message)
        before = {backup.label for backup in self.list_sets()}
        options = [f"--type={kind}", "--repo=1", *_annotation_options(annotations), "--log-level-console=detail"]
        self._run(self._stanza, "backup", *options, progress=progress)
        new = [backup for backup in self.list_sets() if backup.label not in before]
        if len(new) != 1:
            message = f"the backup ended well, but {len(new)} new sets are listed; look at the repository with `list`"
            raise EngineFailedError(message)
        return new[0]

    def find_damage(self, label: str | None = None, *, continuous_from: str | None = None) -> Sequence[Damage]:
        """Read everything that is stored and return what is wrong: files, manifest copies, missing WAL.

        Args:
            label: of the set to tell about; None tells about all.
            continuous_from: label of the oldest set from which every later moment has to be reachable; None asks only
                that each set becomes consistent by itself.
        """
        sets = self.list_sets()
        if label is not None:
            _require(sets, label)
        found: list[Damage] = []
        for number, _ in self.settings.repositories.numbered:
            stored = {backup.label: backup for backup in sets if backup.repository == number}
            said = self._run(
                self._stanza, "verify", f"--repo={number}", "--output=text", "--verbose", "--log-level-console=info"
            )
            found += parse_verify(said, stored, repository=number)
            found += find_unequal_copies(self.read_file, self.settings.stanza, stored, repository=number)
            gaps = find_gaps(stored.values(), self.read_archive(number), continuous_from) if stored else {}
            found += [Damage(f"WAL {gap}", "missing", name, number) for name, gap in gaps.items()]
        return [damage for damage in found if label is None or damage.label in (label, None)]

    def restore(self, request: RestoreRequest, *, progress: Progress) -> BackupSet:
        """Fill a folder; refused before anything is touched when the target cannot be reached."""
        self.require_folder(request)
        chosen = choose_set(self.list_sets(), request, self.read_archive)
        config = write_config(self._local(request.folder))
        arguments = [
            "restore",
            self._stanza,
            *restore_options(request, chosen, self._restore_command),
            "--log-level-console=detail",
        ]
        self.program.run(config, arguments, timeout_s=self.limit_s, progress=progress)
        return chosen

    def expire(self, label: str, *, repository: int) -> None:
        """Delete one set on which no other builds."""
        sets = [backup for backup in self.list_sets() if backup.repository == repository]
        _require(sets, label)
        children = [backup.label for backup in sets if label in (backup.parent, *backup.references)]
        if children:
            message = f"backup {label} is needed by {', '.join(children)}; nothing was deleted: expire those first"
            raise SetHeldError(message)
        self._run(self._stanza, "expire", f"--set={label}", f"--repo={repository}")

    def annotate(self, label: str, marks: Mapping[str, str], *, repository: int) -> None:
        """Write annotations onto a set; an empty value removes one."""
        _require([backup for backup in self.list_sets() if backup.repository == repository], label)
        options = _annotation_options({key: value for key, value in marks.items() if value})
        options += [f"--annotation={key}=" for key, value in marks.items() if not value]
        self._quick(self._stanza, "annotate", f"--set={label}", f"--repo={repository}", *options)

    def expire_wal(self, sets: Sequence[BackupSet], continuous_from: str, *, repository: int) -> None:
        """Delete WAL that only moments before a set need; older sets keep what makes them consistent.

        Args:
            sets: of the repository, as now listed.
            continuous_from: label of the oldest set from which every moment stays reachable.
            repository: number of the repository.
        """
        stored = [backup for backup in sets if backup.repository == repository]
        _require(stored, continuous_from)
        kept = sum(1 for backup in stored if backup.label >= continuous_from)
        # The engine counts sets of every type from the newest, in the order of their labels.
        count = f"--repo{repository}-retention-archive={kept}"
        kind = f"--repo{repository}-retention-archive-type=incr"
        self._run(self._stanza, "expire", f"--repo={repository}", kind, count)

    def read_archive(self, repository: int) -> Archive:
        """List the WAL of one repository."""
        folder = f"archive/{self.settings.stanza}"
        said = self._quick("repo-ls", folder, f"--repo={repository}", "--recurse", "--output=json", *_QUIET)
        entries: dict[str, dict[str, object]] = json.loads(said)
        files = {
            # Whole seconds, rounded down: what arrived within that second is there.
            path: datetime.fromtimestamp(int(str(entry["time"])) + 1, UTC)
            for path, entry in entries.items()
            if entry["type"] == "file"
        }
        histories = {
            timeline: self.read_file(f"{folder}/{path}", repository)
            for path in files
            if (timeline := history_timeline(path)) is not None
        }
        return read_archive(files, histories)

    def read_file(self, path: str, repository: int) -> str:
        """Return the text of one file of a repository, decrypted."""
        return self._quick("repo-get", path, f"--repo={repository}", *_QUIET)

    def read_beside(self, label: str, name: str, repository: int) -> str | None:
        """Return a file of ours beside a set, as `put_beside` wrote it; None when it is not there."""
        folder = f"backup/{self.settings.stanza}/{label}"
        said = self._quick("repo-ls", folder, f"--repo={repository}", "--output=json", *_QUIET)
        if name not in json.loads(said):
            return None
        return self._quick("repo-get", "--raw", f"{folder}/{name}", f"--repo={repository}", *_QUIET)

    def put_beside(self, label: str, name: str, content: bytes, repository: int) -> None:
        """Store a file of ours in the folder of a set, in the clear; it goes with the set when that is expired."""
        source = self.settings.folder / name
        source.write_bytes(content)
        path = f"backup/{self.settings.stanza}/{label}/{name}"
        try:
            # Not documented by pgBackRest, whose own tests use it: the one way into every kind of store (ADR 0010).
            self._quick("repo-put", "--raw", path, f"--repo={repository}", *_QUIET, given=source)
        finally:
            source.unlink()

    def require_folder(self, request: RestoreRequest) -> None:
        """Refuse to write over files that nobody allowed to change."""
        if not request.folder.is_absolute():
            message = f"the folder {request.folder} is relative; give an absolute path"
            raise SettingsInvalidError(message)
        if request.folder.is_dir() and any(request.folder.iterdir()) and not request.delta:
            message = f"{request.folder} is not empty and --delta was not given; nothing was touched"
            raise FolderNotEmptyError(message)
        if (request.folder / "postmaster.pid").exists():
            message = (
                f"a server may be running in {request.folder} (postmaster.pid); stop it first, nothing was touched"
            )
            raise FolderNotEmptyError(message)

    def _local(self, folder: Path) -> EngineSettings:
        """The same repositories with a data folder on this machine, beside the configuration that others use."""
        database = replace(self.settings.database, data=folder, host=None)
        return replace(self.settings, folder=self.settings.folder / "restore", database=database)

    @property
    def _restore_command(self) -> str:
        """How the database fetches WAL for itself when it has been restored into place."""
        return f'/usr/bin/pgbackrest --config={self.settings.database.config} {self._stanza} archive-get %f "%p"'

    @property
    def _stanza(self) -> str:
        return f"--stanza={self.settings.stanza}"

    def _quick(self, *arguments: str, given: Path | None = None) -> str:
        ordered = _command_first(arguments)
        return self.program.run(self.settings.config_file, ordered, timeout_s=_QUICK_S, given=given)

    def _run(self, *arguments: str, progress: Progress | None = None) -> str:
        ordered = _command_first(arguments)
        return self.program.run(self.settings.config_file, ordered, timeout_s=self.limit_s, progress=progress)


def _command_first(arguments: Sequence[str]) -> list[str]:
    return sorted(arguments, key=lambda argument: argument.startswith("--"))


def _annotation_options(annotations: Mapping[str, str]) -> list[str]:
    for key, value in annotations.items():
        if _ANNOTATION.fullmatch(key) is None or "\n" in value or not value:
            message = f"annotation {key}={value!r} is not one line under a name of a-z, 0-9, - and _"
            raise SettingsInvalidError(message)
    return [f"--annotation={key}={value}" for key, value in annotations.items()]


def _require(sets: Sequence[BackupSet], label: str) -> None:
    if label not in {backup.label for backup in sets}:
        message = f'no backup has the label "{label}"; see `cryo backup list`'
        raise SetUnknownError(message)
