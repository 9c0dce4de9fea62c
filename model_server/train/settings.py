"""What a training run can be told."""

from dataclasses import dataclass
from pathlib import Path

from model_server.errors import SettingInvalidError
from model_server.jobs.order import DEFAULT_SEED, MAX_SEED, MAX_TRIALS
from model_server.registry.card import VERSION_PATTERN

RELEASED_DIR = Path(__file__).resolve().parent.parent / "registry" / "released"


@dataclass(frozen=True)
class TrainSettings:
    """Settings of one training run.

    Args:
        data_dir: folder that holds the data sets.
        out_dir: folder of releases; the model goes to out_dir/<name>/<version>.
        version: of the form 1.2.3; released versions are never changed, so a new model needs a new one.
        seed: every random choice derives from it. The default has no meaning; changing it changes the model's bytes.
        repeats: of the cross-validation behind the accuracy figures and the interval quantiles, >= 1.
        holdouts: repeats of the coverage measurement, >= 1; 20 put the mean coverage within a point.
        trials: hyperparameter search inside nested cross-validation, 0 to 50; 0 takes the catalogue's settings.
        replace: overwrite an existing version whose content differs.
        experiments: file of experiments to learn from beside the data set; None for none.
    """

    data_dir: Path
    out_dir: Path = RELEASED_DIR
    version: str = "1.1.0"
    seed: int = DEFAULT_SEED
    repeats: int = 5
    holdouts: int = 20
    trials: int = 0
    replace: bool = False
    experiments: Path | None = None

    def __post_init__(self) -> None:
        """Refuse values that would surface later as something else."""
        if not VERSION_PATTERN.fullmatch(self.version):
            raise SettingInvalidError(f"version {self.version!r} is not of the form 1.2.3; correct --version")
        if self.repeats < 1 or self.holdouts < 1:
            raise SettingInvalidError(f"repeats {self.repeats} and holdouts {self.holdouts} must be at least 1")
        if not 0 <= self.trials <= MAX_TRIALS:
            raise SettingInvalidError(f"trials {self.trials} is outside 0 to {MAX_TRIALS}; correct --trials")
        if not 0 <= self.seed <= MAX_SEED:
            raise SettingInvalidError(f"seed {self.seed} is outside 0 to {MAX_SEED}; correct --seed")
