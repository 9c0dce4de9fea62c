"""The on-call roster as text for a ConfigMap; the agent reads and checks what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from infra.oncall_section import Oncall


def read_roster(settings: Oncall, root: Path) -> str:
    """Return the file's text; nothing when the agent is not deployed.

    Raises:
        ConfigError: the file is not there or cannot be read.
    """
    if not settings.enabled:
        return ""
    try:
        return (root / settings.roster).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"oncall.roster: {settings.roster} cannot be read ({type(error).__name__}); name the roster's file"
        raise ConfigError(message) from None
