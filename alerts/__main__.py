"""`python -m alerts` writes the rules, their tests and the index; `--check` says which files are stale."""

from __future__ import annotations

import sys
from pathlib import Path

from alerts.source.catalogue import FILES
from alerts.source.render import render_all

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str]) -> int:
    """Write or check; return the exit code: 0, 1 when a file is stale, 2 for wrong usage."""
    if arguments not in ([], ["--check"]):
        sys.stderr.write("usage: python -m alerts [--check]\n")
        return 2
    stale = [path for path, text in render_all(FILES).items() if _read(path) != text]
    for path in stale:
        if not arguments:
            (ROOT / path).write_text(render_all(FILES)[path], encoding="utf-8")
        sys.stderr.write(f"{path}: {'stale; run `python -m alerts`' if arguments else 'written'}\n")
    return 1 if stale and arguments else 0


def _read(path: Path) -> str | None:
    return (ROOT / path).read_text(encoding="utf-8") if (ROOT / path).is_file() else None


sys.exit(main(sys.argv[1:]))
