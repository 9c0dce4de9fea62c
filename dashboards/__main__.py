"""`python -m dashboards` writes the JSON that Grafana reads; `--check` says which files are stale."""

from __future__ import annotations

import sys
from pathlib import Path

from dashboards.source.build import render
from dashboards.source.catalogue import DASHBOARDS

GENERATED = Path(__file__).resolve().parent / "generated"


def main(arguments: list[str]) -> int:
    """Write or check; return the exit code: 0, 1 when a file is stale, 2 for wrong usage."""
    if arguments not in ([], ["--check"]):
        sys.stderr.write("usage: python -m dashboards [--check]\n")
        return 2
    wanted = {GENERATED / f"{page.name}.json": render(page) for page in DASHBOARDS}
    stale = [path for path, text in wanted.items() if _read(path) != text]
    for path in stale:
        if not arguments:
            path.write_text(wanted[path], encoding="utf-8")
        sys.stderr.write(f"{path.name}: {'stale; run `python -m dashboards`' if arguments else 'written'}\n")
    return 1 if stale and arguments else 0


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


sys.exit(main(sys.argv[1:]))
