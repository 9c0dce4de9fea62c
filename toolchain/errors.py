"""Errors of the toolchain: permanent ones need a person, temporary ones need another try.

The exit codes are those of sysexits.h (EX_SOFTWARE 70, EX_TEMPFAIL 75), so that a caller which only sees the
process can tell the two apart. A message says what failed, where, and what to do.
"""


class ToolchainError(Exception):
    """Root of everything the toolchain raises on purpose."""

    exit_code: int = 70


class PermanentToolchainError(ToolchainError):
    """The same command fails again until a person changes something."""

    exit_code = 70


class TemporaryToolchainError(ToolchainError):
    """The same command may succeed later, unchanged.

    Attributes:
        retry_after_s: how long to wait before the next try, in seconds.
    """

    exit_code = 75

    # Chosen: long enough for a network hiccup or a busy lock, short enough for a person who waits.
    def __init__(self, message: str, *, retry_after_s: float = 30.0) -> None:
        """Keep the message and the pause before the next try."""
        super().__init__(message)
        self.retry_after_s = retry_after_s


class CommandFailedError(PermanentToolchainError):
    """A program that the toolchain started ended with a non-zero status, was not found, or ran out of time.

    Attributes:
        exit_status: what the program returned; None when it was not found or was stopped by its deadline.
    """

    def __init__(self, message: str, *, exit_status: int | None) -> None:
        """Keep the message and the program's exit status."""
        super().__init__(message)
        self.exit_status = exit_status
