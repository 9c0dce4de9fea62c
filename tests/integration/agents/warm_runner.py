"""Starts runners for the kill test: imports everything once, then forks a real process, in a group of its own, per run.

Reads one JSON object a line: {"run": [arguments]} answers with the process id, {"wait": pid} with its exit status.
"""

import json
import os
import sys

import agents.migrate.__main__ as migrate


def main() -> None:
    """Serve until stdin ends."""
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            _, status = os.waitpid(order["wait"], 0)
            print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201 - the answer
            continue
        pid = os.fork()
        if pid == 0:
            run(order["run"])
        print(pid, flush=True)  # noqa: T201 - the answer


def run(arguments: list[str]) -> None:
    """Be the runner; never returns."""
    os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    try:
        migrate.app(arguments)
    except SystemExit as end:
        os._exit(end.code if isinstance(end.code, int) else 1)
    os._exit(0)


if __name__ == "__main__":
    main()
