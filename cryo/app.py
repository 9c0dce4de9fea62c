"""The program `cryo`: registers the commands and turns foreseen errors into one message and an exit code."""

import importlib
import sys
from collections.abc import Sequence

import typer

app = typer.Typer(
    name="cryo",
    help=(
        "Bring the CryoProtect platform up on this machine or on a cluster, look at it, and work with its agents.\n\n"
        "Exit codes: 0 done, 2 wrong usage, 70 needs a person, 75 try again later."
    ),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

COMMAND_MODULES = (
    "up",
    "down",
    "status",
    "urls",
    "token",
    "logs",
    "env",
    "pulumi",
    "build",
    "scan",
    "drift",
    "ci",
    "model",
    "backup",
    "migrate",
    "release",
    "flags",
    "health",
    "oncall",
)


def build() -> typer.Typer:
    """The whole command line."""
    for name in COMMAND_MODULES:
        importlib.import_module(f"cryo.commands.{name}").register(app)
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code."""
    argv = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(run(argv))


def run(argv: list[str]) -> int:
    """Run one command line and return the exit code.

    Errors of the platform carry their own code; anything else is a defect and keeps its traceback.
    """
    from cryo.errors import FORESEEN, TemporaryCryoError
    from cryo.output import fail

    try:
        code = build()(args=argv, standalone_mode=True)
    except SystemExit as stop:
        return int(stop.code or 0)
    except FORESEEN as error:
        return fail(error, as_json="--json" in argv)
    except KeyboardInterrupt:
        message = "interrupted; run the same command again, it goes on where it stopped"
        return fail(TemporaryCryoError(message), as_json="--json" in argv)
    return int(code or 0)


if __name__ == "__main__":
    main()
