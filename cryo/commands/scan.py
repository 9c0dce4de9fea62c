"""`cryo scan`: what must not be merged."""

import os
from dataclasses import asdict
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("scan")(scan)


def scan(
    names: Annotated[list[str] | None, typer.Argument(metavar="[workflows|secrets|packages]...")] = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Scan the workflows, every commit for secrets, and the locked packages for known holes; all three by default.

    Ends with 70 when a scanner objects or looked at nothing, 75 when advisories could not be read.
    """
    from cryo.errors import PermanentCryoError
    from cryo.output import Speaker
    from cryo.scans.run import SCANS, run_scans
    from cryo.settings import read_settings

    unknown = [name for name in names or () if name not in SCANS]
    if unknown:
        message = f"{unknown[0]}: no such scan; choose from {', '.join(SCANS)}"
        raise typer.BadParameter(message)
    settings, speaker = read_settings(os.environ), Speaker(as_json=json)
    verdicts = run_scans(tuple(names or SCANS), settings.repository, settings.cache, speaker.step)
    findings = [finding for verdict in verdicts for finding in verdict.findings]
    text = "\n".join([*map(str, findings), *map(str, verdicts)])
    speaker.result({"scans": [asdict(verdict) for verdict in verdicts]}, text)
    if findings:
        speaker.step(f"{len(findings)} findings; correct each, or accept it in the scanner's own file with the reason")
        raise typer.Exit(PermanentCryoError.exit_code)
