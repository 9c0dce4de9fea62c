"""The command line of a training run, the same in a process and in a pod."""

from pathlib import PurePath

from model_server.jobs.job import Order

MODULE = "model_server.train"


def train_arguments(order: Order, *, data_dir: PurePath, out: PurePath, progress: PurePath) -> list[str]:
    """Return what follows the Python interpreter."""
    return [
        *("-m", MODULE, order.model),
        *("--version", order.version),
        *("--seed", str(order.seed)),
        *("--trials", str(order.trials)),
        *("--data-dir", str(data_dir)),
        *("--out", str(out)),
        *("--progress-file", str(progress)),
    ]
