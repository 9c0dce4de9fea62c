"""How long to wait before the next try; pure, so that thirty tries are tested without waiting."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential back-off with full jitter.

    Full jitter (a uniform draw between zero and the ceiling) keeps runners that failed together from
    failing together again.
    """

    tries: int
    """How often the work is attempted in all; at least 1."""
    first_s: float
    """Ceiling of the wait after the first failure."""
    cap_s: float
    """Ceiling of any wait."""

    def delay_s(self, failures: int, draw: float) -> float:
        """Return the wait after that many failures.

        Args:
            failures: failed attempts so far, from 1.
            draw: a uniform random number in [0, 1).

        """  # The exponent is bounded: 2**1024 no longer fits a float.
        ceiling = min(self.cap_s, self.first_s * 2.0 ** min(failures - 1, 60))
        return ceiling * draw

    def allows_another(self, failures: int) -> bool:
        """Whether a try is left after that many failures."""
        return failures < self.tries
