"""How commands speak: lines for people on standard error, and on request one JSON object on standard output."""

import json
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import typer


@dataclass(slots=True)
class Speaker:
    """Progress for people, results for people or machines.

    Attributes:
        as_json: results go out as one JSON object instead of text.
    """

    as_json: bool
    _began_at: float = field(default_factory=time.monotonic)

    def step(self, line: str) -> None:
        """Tell progress with the seconds since the command began; never part of the result."""
        typer.echo(f"{time.monotonic() - self._began_at:6.1f} s  {line}", err=True)

    def result(self, document: dict[str, Any], text: str) -> None:
        """Tell the outcome in the form that was asked for."""
        typer.echo(json.dumps(document, default=str) if self.as_json else text)


def fail(error: Exception, *, as_json: bool) -> int:
    """Report an error that was foreseen and return its exit code."""
    code = int(getattr(error, "exit_code", 70))
    if as_json:
        typer.echo(json.dumps({"error": {"message": str(error), "exit_code": code}}))
    typer.echo(f"cryo: {error}", err=True)
    sys.stderr.flush()
    return code
