"""Breaks a repository of dumps in seeded ways, and counts how many faults the verification finds and names.

Each run works on a fresh copy of the same repository: two sets of one database and one of another cluster, all signed
with the same key. A clean run changes nothing, and anything found in it is a false alarm. A fault in the source is a
page of a table that is damaged on disk: then the backup itself must fail.

Usage: python bench/backup_faults.py [--faults 210] [--sources 20] [--clean 200] [--seed 1]
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

sys.path.insert(0, str(Path(__file__).parent))
from report import report

from agents.backup import encryption, signature
from agents.backup.engine import BackupKind, no_progress
from agents.backup.errors import BackupError
from agents.backup.instance import Instance, Workshop, create_data, private_folder, running
from agents.backup.levels import Level, Means
from agents.backup.logical import Keys, LogicalEngine, LogicalSettings
from agents.backup.manifest import open_manifest, seal_manifest
from agents.backup.object_store import FolderStore
from agents.backup.programs import Programs, find_programs
from agents.backup.verification import Expected, Subject, verify
from agents.runtime.clock import SystemClock
from agents.runtime.errors import DatabaseRefusedError
from agents.runtime.settings import Identity

PAGE = 8192  # cited: BLCKSZ, PostgreSQL's default
TABLES = 12
ROWS = 2000
NAME = "main"


@dataclass(frozen=True)
class Lab:
    """What every run starts from."""

    engine: LogicalEngine
    keys: Keys
    workshop: Workshop
    folder: Path
    """Holds `repository`, the pristine one, and `foreign`, the set of another cluster."""
    older: str
    newer: str
    expected: Expected


@dataclass(frozen=True)
class Case:
    """A repository to break, with the set that is looked at."""

    lab: Lab
    root: Path
    dice: random.Random

    @property
    def set_folder(self) -> Path:
        """The newer set."""
        return self.root / NAME / self.lab.newer

    def objects(self) -> list[Path]:
        """Every stored object of the set but its manifest."""
        return sorted(path for path in self.set_folder.rglob("*.age"))

    def pick(self) -> Path:
        """One of them; large and small ones alike."""
        return self.dice.choice(self.objects())

    @property
    def manifest(self) -> Path:
        """Its signed file."""
        return self.set_folder / "manifest.json"


@dataclass(frozen=True)
class Broken:
    """What a fault did."""

    name: str
    """Part of the object's name, which the report must contain."""
    keys: Keys | None = None
    """Other keys to verify with."""


def flip_bit(case: Case) -> Broken:
    """One bit of one object, as bit rot does."""
    path = case.pick()
    content = bytearray(path.read_bytes())
    content[case.dice.randrange(len(content))] ^= 1 << case.dice.randrange(8)
    path.write_bytes(content)
    return Broken(path.name)


def zero_block(case: Case) -> Broken:
    """A block that was never written, as after a power cut."""
    path = case.pick()
    content = bytearray(path.read_bytes())
    begin = case.dice.randrange(len(content))
    content[begin : begin + 4096] = bytes(len(content[begin : begin + 4096]))
    path.write_bytes(content)
    return Broken(path.name)


def truncate(case: Case) -> Broken:
    """The end of one object is gone, up to all of it."""
    path = case.pick()
    content = path.read_bytes()
    path.write_bytes(content[: case.dice.randrange(len(content))])
    return Broken(path.name)


def append(case: Case) -> Broken:
    """Bytes that nobody wrote."""
    path = case.pick()
    path.write_bytes(path.read_bytes() + case.dice.randbytes(case.dice.randint(1, 100)))
    return Broken(path.name)


def lose(case: Case) -> Broken:
    """One object is missing."""
    path = case.pick()
    path.unlink()
    return Broken(path.name)


def swap(case: Case) -> Broken:
    """Two objects have each other's name."""
    one, other = case.dice.sample(case.objects(), 2)
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)
    return Broken(one.name)


def take_from_older(case: Case) -> Broken:
    """One object is the one of the set before; whole, decryptable, and of another day."""
    path = case.pick()
    shutil.copyfile(case.root / NAME / case.lab.older / path.relative_to(case.set_folder), path)
    return Broken(path.name)


def add_stranger(case: Case) -> Broken:
    """An object that does not belong to the set."""
    (case.set_folder / "dump" / "9999.dat.zst.age").write_bytes(case.dice.randbytes(100))
    return Broken("9999.dat.zst.age")


def flip_bit_of_manifest(case: Case) -> Broken:
    """One bit of the manifest."""
    content = bytearray(case.manifest.read_bytes())
    content[case.dice.randrange(len(content) - 1)] ^= 1 << case.dice.randrange(8)
    case.manifest.write_bytes(content)
    return Broken("manifest")


def truncate_manifest(case: Case) -> Broken:
    """The end of the manifest is gone."""
    content = case.manifest.read_bytes()
    case.manifest.write_bytes(content[: case.dice.randrange(len(content) - 2)])
    return Broken("manifest")


def forge_manifest(case: Case) -> Broken:
    """The manifest was edited and signed again, with a key that nobody trusts."""
    private, _ = signature.new_key_pair()
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(private)
        forger = signature.read_signer(Path(file.name))
    manifest = open_manifest(case.manifest.read_bytes(), case.lab.keys.verifier, label=case.lab.newer, where="")
    case.manifest.write_bytes(seal_manifest(manifest, forger))
    return Broken("manifest")


def leave_half_upload(case: Case) -> Broken:
    """A backup that was killed: some objects, and no manifest."""
    case.manifest.unlink()
    for path in case.dice.sample(case.objects(), case.dice.randrange(len(case.objects()))):
        path.unlink()
    return Broken("manifest")


def put_stale_set(case: Case) -> Broken:
    """The set is the older one under the newer name, manifest and all."""
    shutil.rmtree(case.set_folder)
    shutil.copytree(case.root / NAME / case.lab.older, case.set_folder)
    return Broken("manifest")


def put_foreign_set(case: Case) -> Broken:
    """The set is one of another cluster with the same name, label and signing key."""
    shutil.rmtree(case.set_folder)
    shutil.copytree(case.lab.folder / "foreign" / NAME / case.lab.newer, case.set_folder)
    return Broken("manifest")


def lose_key(case: Case) -> Broken:
    """The key that is at hand is another one."""
    secret, _ = encryption.new_key_pair()
    with tempfile.NamedTemporaryFile("w") as file:
        Path(file.name).write_text(secret, encoding="utf-8")
        keys = replace(case.lab.keys, identities=encryption.read_identities(Path(file.name)))
    return Broken(min(case.objects(), key=lambda path: (path.stat().st_size, path)).name, keys)


FAULTS: Sequence[Callable[[Case], Broken]] = (
    flip_bit,
    zero_block,
    truncate,
    append,
    lose,
    swap,
    take_from_older,
    add_stranger,
    flip_bit_of_manifest,
    truncate_manifest,
    forge_manifest,
    leave_half_upload,
    put_stale_set,
    put_foreign_set,
    lose_key,
)


def look(lab: Lab, root: Path, keys: Keys) -> list[str]:
    """Verify the newer set and return every reason for distrust."""
    engine = LogicalEngine(lab.engine.settings, FolderStore(root), keys, lab.workshop)
    means = Means(physical=False, can_open=True, has_markers=False, has_far_copy=False)
    subject = Subject(engine, engine.sets, lab.workshop, means)
    try:
        proof = verify(subject, lab.newer, up_to=Level.REPOSITORY, expected=lab.expected, progress=no_progress)
    except BackupError as error:
        return [str(error)]
    return [reason for level in proof.levels if level.outcome == "failed" for reason in level.because]


class StandingClock(SystemClock):
    """A clock that stands, so that the set of another cluster gets the same label."""

    def __init__(self, moment: datetime) -> None:
        """Stand at this moment."""
        self._moment = moment

    def now(self) -> datetime:
        """Return it."""
        return self._moment


@dataclass(frozen=True)
class Machine:
    """Where the lab's servers run."""

    programs: Programs
    workshop: Workshop
    keys: Keys

    def at(self, moment: datetime) -> "Machine":
        """The same with a clock that stands."""
        return replace(self, workshop=replace(self.workshop, clock=StandingClock(moment)))

    def engine(self, instance: Instance, root: Path) -> LogicalEngine:
        """Back up the database `faults` into a folder."""
        root.mkdir(parents=True, exist_ok=True)
        settings = LogicalSettings(NAME, instance.settings("faults"), Identity(None, "bench", ""))
        return LogicalEngine(settings, FolderStore(root), self.keys, self.workshop)


def fill(instance: Instance) -> None:
    """Make the database with its tables."""
    with instance.connect() as conn:
        conn.execute(b"create database faults")
    with instance.connect("faults") as conn:
        for number in range(TABLES):
            conn.execute(f"create table t{number} (id bigint primary key, told text)".encode())
            rows = f"select n, md5(n::text || random()) from generate_series(1, {ROWS}) as n"  # noqa: S608 - a number
            conn.execute(f"insert into t{number} {rows}".encode())


def back_up(engine: LogicalEngine) -> str:
    """Take a set and return its label."""
    return engine.back_up(BackupKind.LOGICAL, annotations={}, progress=no_progress).label


@contextmanager
def lab_on(machine: Machine, folder: Path, source: Path) -> Iterator[Lab]:
    """Make the pristine repository: two sets of one cluster and one of another."""
    now = datetime.now(tz=UTC)
    create_data(source / "data", machine.programs)
    with running(source, machine.programs, machine.workshop) as instance:
        fill(instance)
        older = back_up(machine.at(now - timedelta(hours=2)).engine(instance, folder / "repository"))
        with instance.connect("faults") as conn:
            for number in range(TABLES):
                conn.execute(f"update t{number} set told = md5(told)".encode())  # noqa: S608 - a number
        engine = machine.at(now).engine(instance, folder / "repository")
        newer = back_up(engine)
    with private_folder(machine.workshop.scratch) as other:
        create_data(other / "data", machine.programs)
        with running(other, machine.programs, machine.workshop) as instance:
            fill(instance)
            back_up(machine.at(now).engine(instance, folder / "foreign"))
    manifest = engine.sets.open(newer)
    expected = Expected(
        system_identifier=manifest.contents.source.system_identifier,
        database="faults",
        manifest_sha256=engine.sets.digest(newer),
        max_age=timedelta(hours=26),
    )
    yield Lab(engine, machine.keys, machine.workshop, folder, older, newer, expected)


def break_source(machine: Machine, source: Path, root: Path, dice: random.Random) -> tuple[bool, bool]:
    """Damage one page of one table on disk; return whether the backup failed, and whether it named the table's file."""
    table = f"t{dice.randrange(TABLES)}"
    with running(source, machine.programs, machine.workshop) as instance, instance.connect("faults") as conn:
        (path,) = conn.execute("select pg_relation_filepath(%s::regclass)", (table,)).fetchone() or ("",)
    damaged = source / "data" / str(path)
    whole = damaged.read_bytes()
    content = bytearray(whole)
    content[dice.randrange(len(content) // PAGE) * PAGE + dice.randrange(PAGE)] ^= 1 << dice.randrange(8)
    damaged.write_bytes(content)
    try:
        with running(source, machine.programs, machine.workshop) as instance:
            back_up(machine.engine(instance, root))
    except (BackupError, DatabaseRefusedError) as error:
        return True, str(path) in str(error) or table in str(error)
    else:
        return False, False
    finally:
        damaged.write_bytes(whole)


def new_keys(folder: Path) -> Keys:
    """Make every key."""
    private, public = signature.new_key_pair()
    secret, recipient = encryption.new_key_pair()
    for name, content in (("sign", private), ("trust", public), ("age", secret.encode()), ("to", recipient.encode())):
        (folder / name).write_bytes(content)
    return Keys(
        verifier=signature.read_verifier(folder / "trust"),
        recipients=encryption.read_recipients(folder / "to"),
        signer=signature.read_signer(folder / "sign"),
        identities=encryption.read_identities(folder / "age"),
    )


def run_campaign(lab: Lab, faults: int, clean: int, seed: int) -> dict[str, object]:
    """Break and look, then only look."""
    found, named, missed = Counter[str](), Counter[str](), list[str]()
    for number in range(faults):
        fault = FAULTS[number % len(FAULTS)]
        with tempfile.TemporaryDirectory() as root:
            shutil.copytree(lab.folder / "repository", root, dirs_exist_ok=True)
            broken = fault(Case(lab, Path(root), random.Random(f"{seed}/{number}")))  # noqa: S311 - a seed, no secret
            reasons = look(lab, Path(root), broken.keys or lab.keys)
        found[fault.__name__] += bool(reasons)
        named[fault.__name__] += any(broken.name in reason for reason in reasons)
        if not any(broken.name in reason for reason in reasons):
            missed.append(f"{fault.__name__} {number}: {reasons}")
    alarms: list[str] = []
    for _ in range(clean):
        with tempfile.TemporaryDirectory() as root:
            shutil.copytree(lab.folder / "repository", root, dirs_exist_ok=True)
            alarms += look(lab, Path(root), lab.keys)
    return {
        "faults": faults,
        "found": found.total(),
        "named": named.total(),
        "kinds": len(FAULTS),
        "clean_runs": clean,
        "false_alarms": len(alarms),
        "missed": missed,
        "alarms": alarms,
    }


def main() -> None:
    """Run the campaign."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=210, help="in the repository")
    parser.add_argument("--sources", type=int, default=20, help="bad pages in the source")
    parser.add_argument("--clean", type=int, default=200, help="runs without a fault")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cryo-f-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        workshop = Workshop(folder / "scratch", SystemClock(), structlog.get_logger())
        machine = Machine(find_programs(), workshop, new_keys(folder))
        with private_folder(workshop.scratch) as source, lab_on(machine, folder, source) as lab:
            figures = run_campaign(lab, given.faults, given.clean, given.seed)
            broken = [
                break_source(machine, source, folder / "broken", random.Random(f"{given.seed}/source/{number}"))  # noqa: S311
                for number in range(given.sources)
            ]
    figures["source_faults"] = given.sources
    figures["source_found"] = sum(found for found, _ in broken)
    figures["source_named"] = sum(named for _, named in broken)
    figures["duration_s"] = round(time.monotonic() - began_s, 1)
    report("backup_faults", figures, {}, seed=given.seed)
    if (figures["found"], figures["named"], figures["false_alarms"]) != (given.faults, given.faults, 0):
        sys.exit(1)


if __name__ == "__main__":
    main()
