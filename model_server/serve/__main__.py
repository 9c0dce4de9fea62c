"""`python -m model_server.serve`: read the environment, serve until told to stop."""

import os
import sys

from model_server.errors import ModelServerError
from model_server.serve.logs import build_logger
from model_server.serve.server import run
from model_server.serve.settings import ServeSettings
from model_server.serve.workers import run_workers


def main() -> int:
    """Serve; return the exit code."""
    log = build_logger(colour="none", version="dev")
    try:
        settings = ServeSettings.from_environment(os.environ)
        log = build_logger(colour=settings.colour, version=settings.version)
        log.info("model_server.start.requested", host=settings.host, port=settings.port, workers=settings.workers)
        if settings.workers > 1:
            run_workers(settings, os.environ)
        else:
            run(settings)
    except ModelServerError as error:
        log.error("model_server.start.refused", reason=str(error))  # noqa: TRY400 - the message is the whole story
        return error.exit_code
    log.info("model_server.stop.finished")
    return 0


if __name__ == "__main__":
    sys.exit(main())
