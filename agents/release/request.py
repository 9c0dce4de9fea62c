"""What is asked of a release, and how it ended when it ended well."""

from dataclasses import dataclass, field

from agents.release.policy import Policy
from agents.release.record import ReleaseRecord
from agents.release.smoke import Gateway
from agents.runtime.names import Colour


@dataclass(frozen=True, slots=True)
class SwitchRequest:
    """What is asked for."""

    namespace: str
    app: str
    target: Colour
    smoke_url: str
    gateway: Gateway
    release_id: str
    deadline_s: float = 120.0
    """Longest wait for the checks of the new colour, and again for each confirmation."""
    dry_run: bool = False
    policy: Policy = field(default_factory=Policy)
    content: str = ""
    """What the target's slot was filled with, as the infra program says it."""
    version: str = ""
    """Version that the target's slot was filled with; empty outside a Job."""
    holder: str = ""
    """Host name of this process; in a Job the name of its pod."""
    stable_url: str = ""
    """The live colour's own Service, for gates that compare; empty when none does."""

    @property
    def urls(self) -> dict[Colour, str]:
        """Each colour's own Service."""
        return {self.target: self.smoke_url, self.target.other: self.stable_url}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended, when it ended well."""

    result: str
    because: tuple[str, ...]
    record: ReleaseRecord | None
