"""`python -m agents.migrate.access --check|--write`: keeps the generated SQL equal to the declaration."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from agents.migrate.access.files import SCHEMA_FILE, generate_files, load_tables, replace_section

app = typer.Typer(add_completion=False)


@app.command()
def main(
    folder: Annotated[Path, typer.Option("--migrations", help="The migrations folder.")] = Path("migrations"),
    *,
    write: Annotated[bool, typer.Option("--write/--check", help="Write the files, or say which differ.")] = False,
) -> None:
    """Write what tables.toml stands for, or fail when a file says something else."""
    tables = load_tables()
    schema = (folder / SCHEMA_FILE).read_text(encoding="utf-8")
    wanted = {**generate_files(tables), SCHEMA_FILE: replace_section(schema, tables)}
    stale = [name for name, text in wanted.items() if _read(folder / name) != text]
    for name in stale:
        if write:
            (folder / name).write_text(wanted[name], encoding="utf-8")
        sys.stdout.write(f"{'wrote' if write else 'differs from tables.toml'}: {name}\n")
    if stale and not write:
        sys.stdout.write("run `python -m agents.migrate.access --write`\n")
        raise typer.Exit(1)


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


if __name__ == "__main__":
    app(prog_name="python -m agents.migrate.access")
