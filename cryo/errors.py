"""Errors that the command line foresees: each root below has an exit code and a message that says what to do."""

from agents.runtime.errors import AgentError
from infra.errors import InfraError
from model_server.errors import ModelServerError
from toolchain.errors import ToolchainError


class CryoError(Exception):
    """Root of the command line's own errors."""

    exit_code = 70


class PermanentCryoError(CryoError):
    """The same command fails again until a person changes something."""

    exit_code = 70


class TemporaryCryoError(CryoError):
    """The same command may succeed later, unchanged."""

    exit_code = 75


FORESEEN = (CryoError, ToolchainError, InfraError, AgentError, ModelServerError)
"""Roots of every package's errors; each of them tells its exit code."""
