"""Runs Pulumi on one stack with the right state backend, passphrase and tools."""

# ruff: noqa: S603 - the arguments are Pulumi's own, given as a vector, never through a shell.

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryo.errors import PermanentCryoError
from cryo.settings import Settings
from cryo.tools import Tools, link_provider, tool_variables
from toolchain.private_file import write_private

PASSPHRASE_BYTES = 32
# Chosen: an error of Pulumi with its diagnostics fits.
_TOLD_CHARACTERS = 4000


@dataclass(frozen=True, slots=True)
class Stack:
    """One Pulumi stack and the variables to run it with."""

    settings: Settings
    variables: dict[str, str]

    def run(self, *arguments: str, quiet: bool = False) -> int:
        """Run Pulumi with its output on standard error, so that standard output stays ours; returns its exit code."""
        output = subprocess.DEVNULL if quiet else sys.stderr
        finished = subprocess.run(
            [self._program(), *arguments],
            check=False,
            cwd=self.settings.repository,
            env={**os.environ, **self.variables},
            stdout=output,
            stderr=output,
        )
        return finished.returncode

    def must(self, *arguments: str) -> None:
        """Run Pulumi and raise when it fails; it has told why on standard error.

        Raises:
            PermanentCryoError: Pulumi ended with an error.
        """
        code = self.run(*arguments)
        if code != 0:
            message = f"pulumi {arguments[0]} ended with {code}; the reason is above. Nothing else was started"
            raise PermanentCryoError(message)

    def ask(self, *arguments: str) -> str:
        """Run Pulumi and return what it printed on standard output.

        Raises:
            PermanentCryoError: Pulumi ended with an error; the message holds what it said.
        """
        finished = subprocess.run(
            [self._program(), *arguments],
            check=False,
            cwd=self.settings.repository,
            env={**os.environ, **self.variables},
            capture_output=True,
            text=True,
        )
        if finished.returncode != 0:
            told = (finished.stderr or finished.stdout).strip()[-_TOLD_CHARACTERS:]
            message = f"pulumi {arguments[0]} ended with {finished.returncode}: {told}"
            raise PermanentCryoError(message)
        return finished.stdout

    def _program(self) -> str:
        program = shutil.which("pulumi", path=self.variables["PATH"])
        if program is None:
            message = "pulumi: not found; run `make toolchain`"
            raise PermanentCryoError(message)
        return program

    def select(self) -> None:
        """Select the stack, making it on first use with the secrets provider that CRYO_SECRETS_PROVIDER names."""
        provider = os.environ.get("CRYO_SECRETS_PROVIDER")
        extra = ("--secrets-provider", provider) if provider else ()
        self.must("stack", "select", "--create", "--stack", self.settings.stack, "--non-interactive", *extra)


def open_stack(settings: Settings, tools: Tools) -> Stack:
    """Prepare state folder, passphrase and provider and return the stack.

    Raises:
        PermanentCryoError: state exists but its passphrase is gone.
    """
    variables = tool_variables(settings, tools, Path(sys.executable))
    state = settings.pulumi_home / "state"
    if "PULUMI_CONFIG_PASSPHRASE_FILE" in variables:
        _ensure_passphrase(Path(variables["PULUMI_CONFIG_PASSPHRASE_FILE"]), state, settings.stack)
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    link_provider(settings, tools)
    return Stack(settings, variables)


def _ensure_passphrase(path: Path, state: Path, stack: str) -> None:
    if path.exists():
        return
    if any(state.rglob(f"{stack}.json")):
        message = (
            f"{path}: the passphrase of stack {stack} is missing, and without it the secrets in its state "
            "cannot be read; put it back, or set PULUMI_CONFIG_PASSPHRASE_FILE, or start over with `cryo down --purge`"
        )
        raise PermanentCryoError(message)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_private(path, secrets.token_urlsafe(PASSPHRASE_BYTES).encode())


def forget_stack(settings: Settings) -> None:
    """Delete state, passphrase and the stack's salt; only for a cluster that is gone."""
    if settings.pulumi_home.exists():
        shutil.rmtree(settings.pulumi_home)
    (settings.repository / f"Pulumi.{settings.stack}.yaml").unlink(missing_ok=True)


def arguments_for(settings: Settings, verb: str, extra: Sequence[str] = ()) -> tuple[str, ...]:
    """Arguments of one Pulumi verb on this stack, without questions."""
    return (verb, "--stack", settings.stack, "--non-interactive", *extra)
