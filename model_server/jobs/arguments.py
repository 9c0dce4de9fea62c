"""The command line of a training run, the same in a process and in a pod."""

from pathlib import PurePath

from model_server.jobs.job import Order
from model_server.jobs.progress import PROGRESS_FILE
from model_server.jobs.workspace import EXPERIMENTS_FILE, RELEASE_FOLDER

MODULE = "model_server.train"


def train_arguments(order: Order, *, data_dir: PurePath, work_dir: PurePath) -> list[str]:
    """Return what follows the Python interpreter.

    Args:
        order: what is to be trained.
        data_dir: folder of data sets.
        work_dir: folder of the run, as the run sees it.
    """
    return [
        *("-m", MODULE, order.model),
        *("--version", order.version),
        *("--seed", str(order.seed)),
        *("--trials", str(order.trials)),
        *("--data-dir", str(data_dir)),
        *("--out", str(work_dir / RELEASE_FOLDER)),
        *("--progress-file", str(work_dir / PROGRESS_FILE)),
        *(("--experiments", str(work_dir / EXPERIMENTS_FILE)) if order.experiments else ()),
    ]
