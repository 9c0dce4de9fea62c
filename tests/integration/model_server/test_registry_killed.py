"""A process that changes the registry is killed at random moments; the registry is whole afterwards."""

import json
import random
import subprocess
import sys
import time
from pathlib import Path

from model_server.registry.registry import Place, Registry
from model_server.registry.store import FolderStore

REPOSITORY = Path(__file__).resolve().parents[3]
ROUNDS = 12
PROGRAM = """
import pathlib, sys
from model_server.registry.registry import Place, Registry
from model_server.registry.store import FolderStore
models, folder = map(pathlib.Path, sys.argv[1:3])
registry = Registry(Place(models, FolderStore(folder)))
number = 0
while True:
    version = {"1.0.0": "1.1.0", "1.1.0": "1.0.0"}[registry.champion("tg")]
    registry.register(models / "tg" / version, who="test", why="registered until killed")
    registry.assign("tg", "champion", version, registry.act("test", "promoted until killed"))
    number += 1
    print(number, flush=True)
"""


def test_registry_survives_kill_minus_nine_at_any_moment(models_dir, tmp_path):
    folder, chance = tmp_path / "registry", random.Random(7)  # noqa: S311 - moments, not secrets
    done = 0
    for _ in range(ROUNDS):
        writer = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, models_dir, folder], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
        )
        writer.stdout.readline()
        time.sleep(chance.uniform(0.0, 0.05))
        writer.kill()
        done += 1 + len(writer.stdout.read().splitlines())
        writer.wait()
        writer.stdout.close()

        registry = Registry(Place(models_dir, FolderStore(folder)))
        record = registry.record("tg")
        promoted = [entry for entry in record.history if entry.action == "promote"]
        assert record.aliases["champion"] == promoted[-1].version
        assert record.aliases["previous"] == promoted[-1].replaced
        assert registry.load("tg", record.aliases["champion"]).digest == record.versions[promoted[-1].version].digest

    history = Registry(Place(models_dir, FolderStore(folder))).record("tg").history
    assert len([entry for entry in history if entry.action == "promote"]) >= done, "what was reported as done is there"
    # Another version than the one that leads: a promotion that changes nothing writes nothing and sweeps nothing.
    other = {"1.0.0": "1.1.0", "1.1.0": "1.0.0"}[registry.champion("tg")]
    registry.assign("tg", "champion", other, registry.act("test", "still writable after all"))
    assert not list((folder / "models").glob(".draft*"))
    json.loads((folder / "models" / "tg.json").read_text())
