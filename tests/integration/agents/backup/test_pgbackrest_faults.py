"""Breaks pgBackRest's repository in seeded ways: each fault is found and its object named, and whole ones are quiet.

CRYO_BACKUP_FAULTS and CRYO_BACKUP_CLEAN set how many; `make bench-backups` runs the whole campaign.
"""

import json
import os
import random
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from agents.backup.engine import BackupKind, no_progress
from agents.backup.errors import BackupError, KeyWrongError
from agents.backup.repositories import PosixStore

FAULTS = int(os.environ.get("CRYO_BACKUP_FAULTS", "8"))
CLEAN = int(os.environ.get("CRYO_BACKUP_CLEAN", "1"))
SEED = int(os.environ.get("CRYO_BACKUP_SEED", "1"))


def replace_folder(source: Path, target: Path) -> None:
    """Make a folder equal to another, owners included; the folder itself stays."""
    subprocess.run(["find", str(target), "-mindepth", "1", "-delete"], check=True)
    subprocess.run(["cp", "-a", f"{source}/.", str(target)], check=True)


@dataclass(frozen=True)
class Lab:
    """A repository of three sets with WAL between them, and a pristine copy of it."""

    engine: object
    stranger: object
    foreign: Path
    repository: Path
    pristine: Path
    labels: tuple[str, ...]

    def reset(self) -> None:
        replace_folder(self.pristine, self.repository)


@dataclass(frozen=True)
class Case:
    lab: Lab
    dice: random.Random

    @property
    def folder(self) -> Path:
        return self.lab.repository

    def files_of(self, label: str) -> list[Path]:
        """Data of a set: bundles and single files, without its manifests."""
        found = (self.folder / "backup" / "main" / label).rglob("*")
        return sorted(
            path for path in found if path.is_file() and "manifest" not in path.name and not path.is_symlink()
        )

    def pick(self) -> tuple[str, Path]:
        label = self.dice.choice(self.lab.labels)
        return label, self.dice.choice(self.files_of(label))

    def segments(self) -> list[Path]:
        return sorted(path for path in (self.folder / "archive").rglob("*") if len(path.name.split("-")[0]) == 24)

    def between(self) -> Path:
        """A segment that a set needs: neither the first nor the last."""
        return self.dice.choice(self.segments()[1:-1])


def flip(path: Path, dice: random.Random) -> None:
    content = bytearray(path.read_bytes())
    content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
    path.write_bytes(content)


def flip_bit(case: Case) -> str:
    label, path = case.pick()
    flip(path, case.dice)
    return label


def truncate(case: Case) -> str:
    label, path = case.pick()
    path.write_bytes(path.read_bytes()[: case.dice.randrange(path.stat().st_size)])
    return label


def lose(case: Case) -> str:
    label, path = case.pick()
    path.unlink()
    return label


def swap(case: Case) -> str:
    label, other = case.dice.sample(case.lab.labels, 2)
    one, two = case.dice.choice(case.files_of(label)), case.dice.choice(case.files_of(other))
    content = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(content)
    return label


def lose_segment(case: Case) -> str:
    path = case.between()
    path.unlink()
    return path.name[:24]


def flip_bit_of_segment(case: Case) -> str:
    path = case.between()
    flip(path, case.dice)
    return path.name[:24]


def truncate_segment(case: Case) -> str:
    path = case.between()
    path.write_bytes(path.read_bytes()[:-5])
    return path.name[:24]


def swap_segments(case: Case) -> str:
    one, two = case.dice.sample(case.segments()[1:-1], 2)
    content = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(content)
    return one.name[:24]


def damage_one_manifest(case: Case) -> str:
    label = case.dice.choice(case.lab.labels)
    name = case.dice.choice(["backup.manifest", "backup.manifest.copy"])
    flip(case.folder / "backup" / "main" / label / name, case.dice)
    return label


def lose_one_manifest(case: Case) -> str:
    label = case.dice.choice(case.lab.labels)
    name = case.dice.choice(["backup.manifest", "backup.manifest.copy"])
    (case.folder / "backup" / "main" / label / name).unlink()
    return label


def damage_one_list(case: Case) -> str:
    name = case.dice.choice(["backup.info", "backup.info.copy"])
    flip(case.folder / "backup" / "main" / name, case.dice)
    return "backup.info"


def put_stale_set(case: Case) -> str:
    older, newer = case.lab.labels[0], case.lab.labels[-1]
    target = case.folder / "backup" / "main" / newer
    shutil.rmtree(target)
    subprocess.run(["cp", "-a", str(case.folder / "backup" / "main" / older), str(target)], check=True)
    return newer


def leave_half_upload(case: Case) -> str:
    label = case.lab.labels[-1]
    for name in ("backup.manifest", "backup.manifest.copy"):
        (case.folder / "backup" / "main" / label / name).unlink(missing_ok=True)
    return label


def put_foreign_repository(case: Case) -> str:
    replace_folder(case.lab.foreign, case.folder)
    return "do not match the database"


def lose_key(_case: Case) -> str:
    return "key"


KINDS: tuple[Callable[[Case], str], ...] = (
    flip_bit,
    truncate,
    lose,
    swap,
    lose_segment,
    flip_bit_of_segment,
    truncate_segment,
    swap_segments,
    damage_one_manifest,
    lose_one_manifest,
    damage_one_list,
    put_stale_set,
    leave_half_upload,
    put_foreign_repository,
    lose_key,
)


@pytest.fixture
def lab(root, protect, make_engine):
    store = PosixStore(root.folder(f"repo-{secrets.token_hex(4)}"))
    protected = protect(root, store)
    labels = []
    with protected.server.connect() as conn:
        conn.execute("create table public.rows (id bigint, told text)")
        for kind in (BackupKind.FULL, BackupKind.DIFFERENTIAL, BackupKind.INCREMENTAL):
            conn.execute("insert into public.rows select n, md5(n::text) from generate_series(1, 20000) as n")
            protected.archive()
            labels.append(protected.engine.back_up(kind, annotations={}, progress=no_progress).label)
            protected.archive()
    protected.archive()
    other_store = PosixStore(root.folder(f"repo-{secrets.token_hex(4)}"))
    other = protect(root, other_store)
    pristine = store.path.with_name(f"{store.path.name}.pristine")
    subprocess.run(["cp", "-a", str(store.path), str(pristine)], check=True)
    stranger = make_engine(root, store, protected.server.data, key="wrong battery")
    yield Lab(protected.engine, stranger, other_store.path, store.path, pristine, tuple(labels))
    for server in (protected.server, other.server):
        server.stop()


def look(lab: Lab, fault: str) -> list[str]:
    """Return every reason for distrust, each with what it names."""
    try:
        if fault == "lose_key":
            lab.stranger.prepare()
            return []
        if fault == "put_foreign_repository":
            lab.engine.prepare()
            return []
        found = [
            f"{each.label} {each.object}: {each.problem}"
            for each in lab.engine.find_damage(continuous_from=lab.labels[0])
        ]
        listed = {each.label for each in lab.engine.list_sets()}
        return found + [f"{label} is not listed any more" for label in lab.labels if label not in listed]
    except KeyWrongError as error:
        return [f"key: {error}"]
    except BackupError as error:
        return [str(error)]


def test_every_fault_is_found_and_named_and_whole_repositories_are_quiet(lab) -> None:
    missed, unnamed, alarms = [], [], []
    began = time.monotonic()
    for number in range(FAULTS):
        kind = KINDS[(SEED + number) % len(KINDS)]
        named = kind(Case(lab, random.Random(f"{SEED}/{number}")))  # noqa: S311 - a seed, no secret
        reasons = look(lab, kind.__name__)
        if not reasons:
            missed.append(f"{kind.__name__} {number}")
        elif not any(named in reason for reason in reasons):
            unnamed.append(f"{kind.__name__} {number}: {named} not in {reasons[:2]}")
        lab.reset()
    for _ in range(CLEAN):
        alarms += look(lab, "none")
    figures = {
        "faults": FAULTS,
        "found": FAULTS - len(missed),
        "named": FAULTS - len(missed) - len(unnamed),
        "kinds": len(KINDS),
        "clean_runs": CLEAN,
        "false_alarms": len(alarms),
        "duration_s": round(time.monotonic() - began, 1),
        "missed": missed,
        "unnamed": unnamed,
    }
    print(json.dumps({"name": "pgbackrest_faults", "figures": figures, "seed": SEED}))  # noqa: T201 - the campaign's answer

    assert missed == []
    assert unnamed == []
    assert alarms == []


def test_a_bad_page_in_the_source_is_told_of_the_set(root, protect) -> None:
    protected = protect(root, PosixStore(root.folder(f"repo-{secrets.token_hex(4)}")))
    with protected.server.connect() as conn:
        conn.execute("create table public.bad as select n, md5(n::text) from generate_series(1, 5000) as n")
        conn.execute("checkpoint")
        (path,) = conn.execute("select pg_relation_filepath('public.bad')").fetchone()
    damaged = protected.server.data / path
    content = bytearray(damaged.read_bytes())
    content[2 * 8192 + 5000] ^= 1
    damaged.write_bytes(content)

    taken = protected.engine.back_up(BackupKind.FULL, annotations={}, progress=no_progress)

    assert taken.has_error
    protected.server.stop()
