"""Keeps the last answers for a while: a crowd that asks the same at once costs the database one look."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from agents.health.definition import Profile
from agents.health.findings import Report
from agents.health.routes import Asked
from agents.runtime.clock import Clock

# Chosen: a page that is reloaded does not ask again; what is wrong is seen after so long at the latest.
FRESH_S = {Profile.QUICK: 5.0, Profile.FULL: 60.0}
# Chosen: a caller of a quick answer gives up soon; a database that is silent is told as such within two seconds.
PATIENCE_S = {Profile.QUICK: 1.8, Profile.FULL: 75.0}
# Chosen: a look's own limits end it before; what is silent for longer is dead, and is left, so that a new one may try.
LOST_S = {Profile.QUICK: 6.0, Profile.FULL: 70.0}
# Chosen: more combinations of groups than anybody asks for; what a stranger makes up pushes out only other answers.
_KEPT = 32


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer and when it was found."""

    report: Report
    at_s: float


class ReportKeeper:
    """Answers from memory while that is fresh, and lets one look serve everybody who waits for it."""

    def __init__(
        self,
        look: Callable[[Asked], Report],
        silent: Callable[[Asked, str], Report],
        *,
        leave: Callable[[], None],
        clock: Clock,
    ) -> None:
        """Take over how to look.

        Args:
            look: asks the database; blocks, and runs in a thread.
            silent: makes the answer of a database that gave none in time.
            leave: ends the sessions of looks that got no answer.
            clock: for ages.
        """
        self._look = look
        self._silent = silent
        self._leave = leave
        self._clock = clock
        self._kept: OrderedDict[Asked, Kept] = OrderedDict()
        self._running: dict[Asked, asyncio.Task[Report]] = {}
        # A second look would wait for the pool; a silent database would otherwise collect threads without end.
        self._turn = asyncio.Semaphore(2)

    async def answer(self, asked: Asked) -> Report:
        """Return a fresh report; one that is being made is waited for."""
        kept = self._kept.get(asked)
        if kept is not None and self._clock.monotonic() - kept.at_s < FRESH_S[asked.profile]:
            return kept.report
        task = self._running.get(asked)
        if task is None:
            task = self._running[asked] = asyncio.create_task(self._refresh(asked))
            task.add_done_callback(lambda _done: self._running.pop(asked, None))
        done, _ = await asyncio.wait({task}, timeout=PATIENCE_S[asked.profile])
        if done:
            return task.result()
        return self._silent(asked, f"no answer within {PATIENCE_S[asked.profile]:g} s")

    def forget(self) -> None:
        """Let the next caller look anew, because something was changed."""
        self._kept.clear()

    async def _refresh(self, asked: Asked) -> Report:
        async with self._turn:
            thread = asyncio.ensure_future(asyncio.to_thread(self._look, asked))
            done, _ = await asyncio.wait({thread}, timeout=LOST_S[asked.profile])
            if not done:
                self._leave()
            report = await thread
        self._kept[asked] = Kept(report, self._clock.monotonic())
        self._kept.move_to_end(asked)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return report
