"""Lets one command at a time change the cluster."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from toolchain.errors import TemporaryToolchainError


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold an advisory lock; the kernel drops it when the process ends, however it ends.

    Args:
        path: the lock file; its content names the holder for the message.

    Raises:
        TemporaryToolchainError: somebody else holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            stream.seek(0)
            holder = stream.read().strip() or "unknown"
            message = f"{path}: another cryo command is at work (pid {holder}); wait for it or stop it, then try again"
            raise TemporaryToolchainError(message) from error
        stream.seek(0)
        stream.truncate()
        stream.write(str(os.getpid()))
        stream.flush()
        yield
