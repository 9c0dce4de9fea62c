"""Squawk's rules for locks and lost data; the program comes from PyPI and runs as a process."""

import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from agents.migrate.header import OLDEST_SERVER
from agents.migrate.model import Migration
from cryo.errors import PermanentCryoError
from cryo.migration_gates.finding import Finding
from toolchain.process import Command, run_command

# Cited: squawk's own rule names (its documentation, one page each). What we do instead stands behind each.
NOT_OURS = {
    "prefer-robust-stmts": "a transactional file runs whole or not at all; discovery has its own rule for the rest",
    "require-lock-timeout": "the runner sets lock_timeout afresh before every attempt",
    "require-statement-timeout": "the runner sets statement_timeout afresh before every attempt",
}
_WARNINGS_FOUND = 1
_IGNORE = re.compile(r"--\s*squawk-ignore", re.IGNORECASE)


def run_squawk(folder: Path, migrations: Sequence[Migration], *, log: Path) -> tuple[Finding, ...]:
    """Lint every migration file of a folder.

    Args:
        folder: where the files are.
        migrations: which of them; transactional ones are judged as such.
        log: keeps what the program printed.

    Raises:
        CommandFailedError: the program is missing or broke.
    """
    findings: list[Finding] = []
    for transactional in (True, False):
        files = [folder / f"{each.name}.sql" for each in migrations if each.transactional is transactional]
        if files:
            findings += _run(files, transactional=transactional, log=log)
            findings += (ignored for file in files for ignored in _find_ignores(file))
    return tuple(findings)


def _find_ignores(file: Path) -> Iterator[Finding]:
    for line, text in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        if _IGNORE.search(text):
            yield Finding(file.name, line, "silent-ignore", "accept it in accepted.toml, with its reason")


def _run(files: Sequence[Path], *, transactional: bool, log: Path) -> tuple[Finding, ...]:
    program = Path(sys.executable).with_name("squawk")
    argv = [str(program), "--reporter=json", f"--pg-version={OLDEST_SERVER}.0", f"--exclude={','.join(NOT_OURS)}"]
    argv += ["--assume-in-transaction"] if transactional else []
    output = run_command(Command([*argv, *map(str, files)], log=log, good_exits=(0, _WARNINGS_FOUND)))
    try:
        rows = json.loads(output)
        return tuple(Finding(Path(row["file"]).name, row["line"] + 1, row["rule_name"], row["message"]) for row in rows)
    except (ValueError, KeyError, TypeError) as error:
        message = f"squawk answered in a form that is not known ({error!r}); see {log}"
        raise PermanentCryoError(message) from error
