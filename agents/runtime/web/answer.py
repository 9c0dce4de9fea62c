"""One HTTP answer as a value."""

from dataclasses import dataclass

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the caller."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = JSON
