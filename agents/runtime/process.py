"""How an agent ends: signals become errors, errors become exit codes, answers go to stdout."""

import json
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

import typer
from structlog.typing import FilteringBoundLogger

from agents.runtime.clock import SystemClock
from agents.runtime.errors import EXIT_PERMANENT, AgentError, TerminatedError
from agents.runtime.logs import Redactor, configure_logs, get_logger


@contextmanager
def run_agent(agent: str, redactor: Redactor) -> Iterator[FilteringBoundLogger]:
    """Run one command of an agent: set up logs and signals, and turn what it raises into an exit code.

    Args:
        agent: name in log events.
        redactor: shared with the caller, who adds each secret when it is read.
    """
    configure_logs(stream=sys.stderr, clock=SystemClock(), redactor=redactor)
    log = get_logger(agent)
    # A container's first process ignores SIGTERM unless it asks for it, and would be killed after the grace period.
    previous = {number: signal.signal(number, _raise_terminated) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield log
    except AgentError as error:
        told = {"error": type(error).__name__, "reason": str(error), "exit_code": error.exit_code}
        failed = f"{agent}.run.failed"
        log.error(failed, **told)  # noqa: TRY400 - expected; its message is the whole story
        raise typer.Exit(error.exit_code) from error
    except Exception as error:  # the boundary of the process: anything else is a defect, told with its traceback
        crashed = f"{agent}.run.crashed"
        log.exception(crashed, exit_code=EXIT_PERMANENT)
        raise typer.Exit(EXIT_PERMANENT) from error
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def print_answer(answer: Mapping[str, object], lines: list[str], *, as_json: bool) -> None:
    """Write a command's answer to stdout, for a machine or for a person."""
    text = json.dumps(answer, indent=2, sort_keys=True) if as_json else "\n".join(lines)
    typer.echo(text)


def _raise_terminated(signum: int, _frame: FrameType | None) -> NoReturn:
    message = f"stopped by {signal.Signals(signum).name} before the work was done; run the command again"
    raise TerminatedError(message)
