"""Which models are switched off by their feature flag; pure but for the one set that it replaces.

A model `tg` has the flag `model.tg`. Off needs a flag that says so with its master switch (reason DISABLED): a flag
that nobody made, or that no rule decides, leaves a model on, and an answer that is an error says nothing.
"""

from collections.abc import Iterable
from typing import NoReturn

import msgspec

from model_server.errors import ModelDisabledError

FLAG_PREFIX = "model."
# Chosen: somebody looks into what is wrong with the model; a caller who asks each second learns nothing.
_RETRY_AFTER_S = 60.0
_OFF, _ERROR = "DISABLED", "ERROR"


class Flag(msgspec.Struct, frozen=True, rename="camel"):
    """One flag of a bulk answer of OFREP 0.1: an evaluation, or an error in its place."""

    key: str
    reason: str = ""
    error_code: str | None = None


class Flags(msgspec.Struct, frozen=True):
    """A bulk answer."""

    flags: list[Flag]


def decide_switched_off(flags: Iterable[Flag], before: frozenset[str]) -> frozenset[str]:
    """Return the models that are off now.

    Args:
        flags: all flags that the service has.
        before: the models that were off; remembered where the service knows no answer.
    """
    off = set()
    for flag in flags:
        model = flag.key.removeprefix(FLAG_PREFIX)
        if model == flag.key:
            continue
        unknown = flag.error_code is not None or flag.reason == _ERROR
        if model in before if unknown else flag.reason == _OFF:
            off.add(model)
    return frozenset(off)


class Switches:
    """The models of one worker that are off; nothing is off until somebody says so."""

    def __init__(self) -> None:
        """Start with every model on."""
        self.off: frozenset[str] = frozenset()

    def is_on(self, model: str) -> bool:
        """Whether a model may answer."""
        return model not in self.off

    def require(self, model: str) -> None:
        """Let a request pass.

        Raises:
            ModelDisabledError: the model is off (temporary).
        """
        if model in self.off:
            _refuse(model)


def _refuse(model: str) -> NoReturn:
    message = f"model {model} is switched off by its feature flag {FLAG_PREFIX}{model}, whose history says who and why"
    raise ModelDisabledError(message, retry_after_s=_RETRY_AFTER_S)
