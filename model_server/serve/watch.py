"""What one loaded version has been asked lately, and whether that still looks like its training."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from model_server.drift.labels import Labels
from model_server.drift.profile import PREDICTION, HeldOut, Profile, build_profile
from model_server.drift.verdict import Live, Verdict, judge
from model_server.drift.window import Window
from model_server.errors import ArtefactInvalidError
from model_server.registry.folder import Release
from model_server.registry.session import FloatVector

Widths = Callable[[FloatVector, FloatVector, NDArray[np.bool_]], NDArray[np.float64]]
"""Widths of intervals at the default level, from point, scale and whether each row is inside the domain."""


class Watch:
    """Window, measurements and the latest verdict of one version; for one thread."""

    def __init__(self, profile: Profile) -> None:
        """Start empty."""
        self.window = Window(time.time)
        self.labels = Labels()
        self._profile = profile
        self._judged: tuple[tuple[int, int], Verdict] | None = None

    def verdict(self, widths: Widths) -> Verdict:
        """Judge what is held; remembered until something is added.

        Args:
            widths: of the version that is watched; not kept, since that version holds this watch.
        """
        state = (self.window.observed, self.labels.added)
        if self._judged is None or self._judged[0] != state:
            self._judged = state, self._judge(widths)
        return self._judged[1]

    def _judge(self, widths: Widths) -> Verdict:
        sample = self.window.sample()
        if sample is None:
            return judge(self._profile, None, self.labels.all(), since=None)
        # Where nobody can tell, a row counts as inside: what is sought is doubt beyond the known kind.
        live = Live(sample, widths(sample.point, sample.scale, sample.inside != 0))
        since = datetime.fromtimestamp(sample.since, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return judge(self._profile, live, self.labels.all(), since=since)


def profile_of(release: Release, widths: Widths) -> Profile:
    """Lay out what a release says of its training.

    Raises:
        ArtefactInvalidError: its references are of other columns (permanent).
    """
    card = release.card
    wanted = [*(column.name for column in card.features.columns), PREDICTION]
    if card.drift and [reference.column for reference in card.drift] != wanted:
        raise ArtefactInvalidError(f"{release.where}: the card's drift references are of other columns; train again")
    level = next(each for each in card.intervals.levels if each.level == card.intervals.default_level)
    points = release.points
    inside = np.array([point.in_domain for point in points], dtype=np.bool_)
    predicted = np.array([point.predicted for point in points], dtype=np.float32)
    scale = np.array([point.scale for point in points], dtype=np.float32)
    held_out = HeldOut(
        inside=inside,
        widths=widths(predicted, scale, inside),
        errors=np.array([abs(point.actual - point.predicted) for point in points]),
        level=level.level,
        coverage=level.coverage,
    )
    return build_profile(card.drift, rows=card.data.compounds, held_out=held_out)
