"""Runs pgbackrest: its output becomes text or progress, its exit codes become errors of this package."""

import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from agents.backup.engine import Done, Progress
from agents.backup.errors import (
    ArchiveBehindError,
    BackupBusyError,
    BackupError,
    BackupUnavailableError,
    ClusterForeignError,
    DeadlineExceededError,
    EngineFailedError,
    FolderNotEmptyError,
    KeyWrongError,
    RepositoryUnavailableError,
    SetDamagedError,
    SettingsInvalidError,
    SetUnknownError,
    TargetUnreachableError,
    ToolMissingError,
)

# Cited: pgBackRest 2.55, src/build/error/error.yaml.
_ERRORS: dict[int, type[BackupError | BackupUnavailableError]] = {
    26: SetDamagedError,
    28: SetDamagedError,
    29: SetDamagedError,
    31: SettingsInvalidError,
    32: SettingsInvalidError,
    37: SettingsInvalidError,
    38: FolderNotEmptyError,
    40: FolderNotEmptyError,
    44: ClusterForeignError,
    46: ClusterForeignError,
    49: RepositoryUnavailableError,
    50: BackupBusyError,
    51: ClusterForeignError,
    56: BackupUnavailableError,
    58: ClusterForeignError,
    62: BackupBusyError,
    63: BackupUnavailableError,
    75: TargetUnreachableError,
    80: BackupUnavailableError,
    81: ClusterForeignError,
    82: ArchiveBehindError,
    87: SettingsInvalidError,
    95: KeyWrongError,
    99: SetDamagedError,
    101: RepositoryUnavailableError,
    105: KeyWrongError,
    106: BackupUnavailableError,
}
# A store's 403 is told as a protocol error, and a full disk as one of many: the words decide before the code.
_WORDS: tuple[tuple[re.Pattern[str], type[BackupError | BackupUnavailableError]], ...] = (
    (re.compile(r"No space left on device|Disk quota exceeded|\b507\b"), RepositoryUnavailableError),
    (re.compile(r"HTTP request failed with (?:401|403)"), KeyWrongError),
    (re.compile(r"cipher header invalid|CryptoError|key/value found outside of section"), KeyWrongError),
    (re.compile(r"HTTP request failed with 5\d\d|unable to get address|unable to connect|timeout connecting"),
     RepositoryUnavailableError),
    (re.compile(r"Permission denied"), SettingsInvalidError),
    (re.compile(r"backup set \S+ is not valid|is not a valid backup set"), SetUnknownError),
)  # fmt: skip
_FILE = re.compile(r"(?:backup|restore) file .*\((?P<size>[\d.]+)(?P<unit>B|KB|MB|GB|TB), (?P<percent>[\d.]+)%\)")
_UNITS = {"B": 1, "KB": 1024, "MB": 1024**2, "GB": 1024**3, "TB": 1024**4}
# Chosen: an error with its causes and hints fits.
_TOLD_LINES = 12
_STOP_GRACE_S = 20.0


@dataclass(frozen=True, slots=True)
class Program:
    """How pgbackrest is started, and with what environment."""

    log: FilteringBoundLogger
    argv: tuple[str, ...] = ("/usr/bin/pgbackrest",)

    def run(
        self,
        config: Path | None,
        arguments: Sequence[str],
        *,
        timeout_s: float,
        progress: Progress | None = None,
        given: Path | None = None,
    ) -> str:
        """Run one command to its end.

        Args:
            config: the configuration file; everything secret is in there. None for a command that takes none.
            arguments: command and options, never a secret.
            timeout_s: after so many seconds it is stopped, which it survives: the next run cleans up or resumes.
            progress: told after each file when given.
            given: file that it reads as standard input.

        Returns:
            Everything it printed on standard output.

        Raises:
            BackupError: it failed and would fail again; the subclass says how.
            BackupUnavailableError: it failed and may succeed later.
        """
        argv = [*self.argv, *([f"--config={config}"] if config else ()), *arguments]
        self.log.info("backup.engine.started", command=arguments[0])
        try:
            with Path(given or os.devnull).open("rb") as source:
                process = subprocess.Popen(  # noqa: S603 - no shell, checked arguments
                    argv,
                    stdin=source,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    errors="replace",
                    # Its own variables (PGBACKREST_*) must not come from ours.
                    env={"PATH": "/usr/local/bin:/usr/lib/postgresql/17/bin:/usr/bin:/bin", "LANG": "C.UTF-8"},
                )
        except OSError as error:
            message = f"pgbackrest cannot be started ({error}); this command runs in the image of the backup agent"
            raise ToolMissingError(message) from error
        return _follow(process, arguments[0], timeout_s, progress)


def _follow(process: "subprocess.Popen[str]", command: str, timeout_s: float, progress: Progress | None) -> str:
    out_of_time = threading.Event()

    def stop() -> None:
        out_of_time.set()
        process.send_signal(signal.SIGTERM)

    watch = threading.Timer(timeout_s, stop)
    watch.start()
    kept: list[str] = []
    try:
        kept.extend(_lines(process, progress, command))
        code = process.wait(timeout=_STOP_GRACE_S)
    finally:
        watch.cancel()
        if process.stdout is not None:
            process.stdout.close()
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout=_STOP_GRACE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    if out_of_time.is_set():
        message = f"pgbackrest {command} did not end within {timeout_s:.0f} s and was stopped; run it again"
        raise DeadlineExceededError(message)
    text = "".join(kept)
    if code != 0:
        raise explain(command, code, text)
    return text


def _lines(process: "subprocess.Popen[str]", progress: Progress | None, step: str) -> Iterator[str]:
    """Yield what is worth keeping; the lines of single files become progress instead."""
    done = 0.0
    for line in process.stdout or ():
        found = _FILE.search(line)
        if found is None:
            yield line
            continue
        done += float(found["size"]) * _UNITS[found["unit"]]
        percent = float(found["percent"])
        if progress is not None:
            progress(Done(step, int(done), int(done / percent * 100) if percent > 0 else None))


def explain(command: str, code: int, text: str) -> BackupError | BackupUnavailableError:
    """Return the error that an exit code and its words mean."""
    lines = [re.sub(r"^\S+ \S+ P\d+ +", "", line).strip() for line in text.splitlines() if line.strip()]
    begin = next((number for number, line in enumerate(lines) if line.startswith("ERROR")), max(0, len(lines) - 3))
    said = " ".join(dict.fromkeys(lines[begin : begin + _TOLD_LINES]))
    kind = next((kind for words, kind in _WORDS if words.search(text)), _ERRORS.get(code, EngineFailedError))
    remedy = "; give the keys that this repository was made with" if kind is KeyWrongError else ""
    return kind(f"pgbackrest {command} ended with {code}: {said or 'without a word'}{remedy}")
