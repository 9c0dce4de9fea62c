"""Prints what a script measured: one JSON object as the last line, with the commit that was measured."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CRYO = ROOT / ".venv" / "bin" / "cryo"


def commit() -> str:
    """Short commit of the checkout, with a mark when files were changed since."""
    argv = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    return subprocess.run(argv, capture_output=True, check=True, text=True).stdout.strip()


def report(name: str, figures: Mapping[str, object], peers: Mapping[str, object], **more: object) -> None:
    """Print the result; units are the endings of the figures' names."""
    print(json.dumps({"name": name, "figures": figures, "peers": peers, "commit": commit(), **more}))
