"""Verifies dumps and keeps what was proven: signed beside the set, and in the catalogue while there is one."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import msgspec

from agents.backup.catalogue import Catalogue
from agents.backup.contents import read_source
from agents.backup.copies import compare_copies
from agents.backup.dumps.running import Answer, Command
from agents.backup.errors import SetUnknownError
from agents.backup.levels import Level, Means
from agents.backup.logical import LogicalEngine
from agents.backup.logical_sets import SetReader
from agents.backup.manifest import PROOF_FILE, Proof, open_proof, seal_proof
from agents.backup.verification import Expected, Subject, verify
from agents.runtime.errors import DatabaseRefusedError, DatabaseUnavailableError, SettingsError

# After a loss there is no database to ask; the repository then stands for itself.
_NO_DATABASE = (SettingsError, DatabaseRefusedError, DatabaseUnavailableError)


def verify_set(command: Command, label: str | None, *, up_to: Level) -> Answer:
    """Climb the ladder of proof with one set, the newest without a label, and keep the proof beside it."""
    engine, far = command.engine(), command.far_sets()
    newest = engine.sets.choose(None).label
    chosen = label or newest
    keys = command.settings.read_keys()
    scratch = command.workshop.scratch
    subject = Subject(
        engine,
        engine.sets,
        command.workshop,
        Means(physical=False, can_open=keys.identities is not None, has_markers=False, has_far_copy=far is not None),
        compare_copies=lambda each: compare_copies(each, engine.sets, far, scratch) if far else (),
        jobs=command.settings.jobs,
    )
    expected = _expect(command, chosen)
    if chosen == newest:
        expected = replace(expected, max_age=timedelta(hours=command.settings.max_age_h))
    proof = verify(subject, chosen, up_to=up_to, expected=expected, progress=command.progress)
    _keep(command, engine, proof)
    lines = [_told_result(level.level, level.outcome, level.because, level.duration_s) for level in proof.levels]
    lines.append(f"{chosen}: {told_level(_level_of(proof))}")
    return Answer({"proof": msgspec.to_builtins(proof), "passed": is_good(proof)}, lines)


def is_good(proof: Proof) -> bool:
    """Whether no level failed."""
    return all(level.outcome != "failed" for level in proof.levels)


def _expect(command: Command, label: str) -> Expected:
    """Ask the live database what it remembers; one that is gone remembers nothing, and the signature stands alone."""
    try:
        with command.connected() as conn:
            source = read_source(conn)
            entries = Catalogue(conn).read() if Catalogue.exists(conn) else ()
    except _NO_DATABASE as error:
        command.log.warning("backup.verify.alone", reason=str(error))
        return Expected()
    remembered = {entry.label: entry.manifest_sha256 for entry in entries}
    return Expected(source.system_identifier, source.database, remembered.get(label))


def _keep(command: Command, engine: LogicalEngine, proof: Proof) -> None:
    signer = command.settings.read_keys().signer
    if signer is not None:
        path = command.workshop.scratch / f"{proof.label}.{PROOF_FILE}"
        path.write_bytes(seal_proof(proof, signer))
        command.near.put(path, engine.sets.key(proof.label, PROOF_FILE))
        path.unlink()
    try:
        with command.connected() as conn:
            if Catalogue.exists(conn):
                Catalogue(conn).record_proof(proof)
    except (SetUnknownError, *_NO_DATABASE) as error:
        command.log.warning("backup.verify.unrecorded", label=proof.label, reason=str(error))


def proven_level(command: Command, sets: SetReader, label: str) -> int:
    """Return the level of the signed proof beside a set; -1 without one, or when it is of another manifest."""
    key = sets.key(label, PROOF_FILE)
    if key not in command.near.list(f"{command.settings.name}/{label}"):
        return -1
    proof = open_proof(command.near.get_bytes(key), command.settings.read_keys().verifier, where=key)
    return _level_of(proof) if proof.manifest_sha256 == sets.digest(label) else -1


def _level_of(proof: Proof) -> int:
    return proof.reached if proof.levels[0].outcome == "passed" else -1


def told_level(level: int) -> str:
    """Write a level for people."""
    return "not proven" if level < 0 else f"proven to level {level} ({Level(level).name.lower()})"


def _told_result(level: int, outcome: str, because: Sequence[str], duration_s: float) -> str:
    reasons = f": {'; '.join(because)}" if because else ""
    return f"L{level} {Level(level).name.lower():<10} {outcome:<12} {duration_s:7.1f} s{reasons}"
