"""What can go wrong before Pulumi talks to a cluster; every message says what, where and what to do."""

from __future__ import annotations


class InfraError(Exception):
    """Root of the errors of the infra program."""

    exit_code: int


class PermanentError(InfraError):
    """Trying again changes nothing; somebody has to edit a file or a command."""

    exit_code = 70


class TemporaryError(InfraError):
    """The same command can succeed later."""

    exit_code = 75

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        """Keep the message and the time after which another try makes sense."""
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ConfigError(PermanentError):
    """An environment file holds something that cannot be deployed."""


class ImageError(PermanentError):
    """An image reference cannot be turned into something that a node can pull."""


class ClusterRefusedError(PermanentError):
    """The kubeconfig points to a cluster that this stack must not touch."""


class UpdateRefusedError(PermanentError):
    """The update would hurt what is live; the message is the release agent's."""


class LiveUnknownError(TemporaryError):
    """The API server does not say what is live."""


class ClusterMissingError(TemporaryError):
    """There is no kubeconfig yet."""
