"""Each verb from settings to an answer for a person or a machine."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path

import msgspec

from agents.backup import encryption, signature
from agents.backup.catalogue import Catalogue
from agents.backup.contents import read_source
from agents.backup.copies import copy_set
from agents.backup.dumps.proofs import proven_level, told_level
from agents.backup.dumps.running import Answer, Command
from agents.backup.engine import BackupKind, BackupSet, RestoreRequest
from agents.backup.errors import ConfirmationMissingError, KeyWrongError, SetUnknownError
from agents.backup.levels import Level
from agents.backup.retention import Candidate, Verdict, plan_retention
from agents.backup.tables.restore import Choice, TableRestorer
from agents.backup.tables.shape import parse_table, told
from agents.runtime.clock import format_rfc3339

_PROVEN = Level.RESTORE


def make_keys(folder: Path) -> Answer:
    """Make all four key files; existing ones are never written over."""
    private, public = signature.new_key_pair()
    secret, recipient = encryption.new_key_pair()
    files = {
        "signing.pem": private,
        "trusted.pem": public,
        "identities.txt": f"{secret}\n".encode(),
        "recipients.txt": f"{recipient}\n".encode(),
    }
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    there = [name for name in files if (folder / name).exists()]
    if there:
        raise KeyWrongError(f"{folder} already holds {', '.join(there)}; nothing was written: name another folder")
    for name, content in files.items():
        with os.fdopen(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
    lines = [f"{folder / name}" for name in files]
    lines.append("keep identities.txt and signing.pem where the backups are not: without the first nothing opens")
    return Answer({"folder": str(folder), "files": list(files)}, lines)


def run(command: Command, *, dry_run: bool) -> Answer:
    """Take one dump, copy it if there is a second repository, and write it into the catalogue if there is one."""
    engine = command.engine()
    if dry_run:
        with command.connected() as conn:
            source = read_source(conn)
        line = f"would dump {source.database}, {source.size_bytes >> 20} MiB; nothing was done"
        return Answer({"dry_run": True, "size_bytes": source.size_bytes}, [line])
    taken = engine.back_up(BackupKind.LOGICAL, annotations={}, progress=command.progress)
    far = command.far_sets()
    if far is not None:
        copy_set(taken.label, engine.sets, far, command.workshop.scratch, progress=command.progress)
    with command.connected() as conn:
        if Catalogue.exists(conn):
            manifest, sha256 = engine.sets.open(taken.label), engine.sets.digest(taken.label)
            Catalogue(conn).record_manifest(manifest, sha256=sha256, repository=1)
    command.log.info("backup.dump.done", label=taken.label, stored_bytes=taken.stored_bytes)
    return Answer({"backup": _plain(taken)}, [f"taken: {_line(taken)}"])


def list_sets(command: Command) -> Answer:
    """Show every whole set with the level that it was proven to."""
    engine = command.engine()
    sets = engine.list_sets()
    levels = {each.label: proven_level(command, engine.sets, each.label) for each in sets}
    lines = [f"{_line(each)}, {told_level(levels[each.label])}" for each in sets]
    data = [{**_plain(each), "verified_level": levels[each.label]} for each in sets]
    return Answer({"backups": data}, lines or ["no dumps yet; take one with `cryo backup dump run`"])


def show(command: Command, label: str) -> Answer:
    """Show what a manifest says, with rows of every table."""
    manifest = command.engine().sets.open(label)
    contents = manifest.contents
    keys = ", ".join(manifest.encryption_key_ids)
    lines = [
        f"{manifest.label}: {manifest.engine}, {format_rfc3339(manifest.finished_at)}, git {manifest.git_sha or '-'}",
        f"database {contents.source.database} on PostgreSQL {contents.source.server_version}",
        f"migration head {contents.migration_head or '-'}, opens with {keys}",
        *(f"{name}: {state.rows} rows" for name, state in sorted(contents.tables.items())),
    ]
    return Answer({"manifest": msgspec.to_builtins(manifest)}, lines)


def restore(command: Command, label: str | None, *, folder: Path | None, database: str | None) -> Answer:
    """Bring a whole dump back into a new data folder or an existing, empty database."""
    engine = command.engine()
    manifest = engine.sets.choose(label)
    began_s = command.clock.monotonic()
    if folder is not None:
        where = str(folder)
        engine.restore(RestoreRequest(folder, label=manifest.label), progress=command.progress)
    else:
        target = replace(command.database, name=database or "")
        where = f"database {target.name} on {target.host}"
        engine.restorer.into_database(manifest, target, command.progress)
    took_s = round(command.clock.monotonic() - began_s, 1)
    line = f"restored {manifest.label} into {where} in {took_s} s"
    return Answer({"backup": manifest.label, "into": where, "seconds": took_s}, [line])


def restore_tables(
    command: Command, names: Sequence[str], label: str | None, *, swap: bool, side_schema: str | None
) -> Answer:
    """Compare single tables with a dump; make them equal to it with `swap`."""
    if not names:
        message = "no table was named; give --table schema.table, once for each"
        raise ConfirmationMissingError(message)
    engine = command.engine()
    manifest = engine.sets.choose(label)
    with command.connected() as conn:
        restorer = TableRestorer(engine, manifest, command.workshop, conn, command.database)
        choice = Choice([parse_table(name) for name in names], swap=swap, side_schema=side_schema)
        found = restorer.run(choice, progress=command.progress)
    lines = [
        f"{told(each.table)}: {each.only_here} rows only here, {each.only_there} only in {found.label}, "
        f"{each.different} different"
        for each in found.differences
    ]
    lines += [f"{told(table)}: gone here, whole in {found.label}" for table in found.missing]
    if found.side_schema:
        lines.append(f"as they were in schema {found.side_schema}; drop it when you have looked at it")
    lines.append("the rows are what they were" if swap else "nothing was changed; --swap makes the rows what they were")
    return Answer(msgspec.to_builtins(asdict(found)), lines)


def expire(command: Command, *, apply: bool) -> Answer:
    """Say for every dump which rule keeps it or why it goes, and delete it when asked to."""
    engine, far = command.engine(), command.far_sets()
    held = _holds(command)
    candidates = [
        Candidate(
            each, is_verified=proven_level(command, engine.sets, each.label) >= _PROVEN, hold=held.get(each.label)
        )
        for each in engine.list_sets()
    ]
    plan = plan_retention(candidates, command.settings.keep.rules(), command.clock.now())
    if apply:
        for verdict in plan.expired:
            engine.expire(verdict.label, repository=1)
            if far is not None and verdict.label in {each.label for each in far.list()}:
                far.delete(verdict.label)
            command.log.info("backup.expire.done", label=verdict.label, because=verdict.goes_because)
            _record_expiry(command, verdict.label, verdict.goes_because)
    lines = [f"{each.label}: {_told_verdict(each)}" for each in plan.verdicts]
    lines.append("deleted what goes" if apply else "nothing was deleted; --apply does it")
    return Answer({"applied": apply, "expired": [verdict.label for verdict in plan.expired]}, lines)


def hold(command: Command, label: str, *, until: datetime | None) -> Answer:
    """Keep a dump from every rule until a moment; None ends that.

    Raises:
        SetUnknownError: there is no such dump, or the database has no catalogue that could remember the hold.
    """
    command.engine().sets.open(label)
    with command.connected() as conn:
        if not Catalogue.exists(conn):
            raise SetUnknownError(f"{command.database.name} has no catalogue to remember a hold of {label}; migrate it")
        Catalogue(conn).record_hold(label, until=until)
    told = f"held until {format_rfc3339(until)}" if until else "no longer held"
    return Answer({"label": label, "until": format_rfc3339(until) if until else None}, [f"{label} is {told}"])


def _holds(command: Command) -> Mapping[str, str]:
    with command.connected() as conn:
        if not Catalogue.exists(conn):
            return {}
        now = command.clock.now()
        return {
            entry.label: f"held until {format_rfc3339(entry.held_until)}"
            for entry in Catalogue(conn).read()
            if entry.held_until is not None and entry.held_until > now
        }


def _record_expiry(command: Command, label: str, reason: str) -> None:
    with command.connected() as conn:
        if Catalogue.exists(conn):
            Catalogue(conn).record_expiry(label, reason=reason)


def _told_verdict(verdict: Verdict) -> str:
    if not verdict.kept_by:
        return f"goes: {verdict.goes_because}"
    return "stays: " + ", ".join(f"{each.rule} {each.told}".strip() for each in verdict.kept_by)


def _line(each: BackupSet) -> str:
    sizes = f"{each.size_bytes >> 20} MiB, {each.stored_bytes >> 10} KiB stored"
    return f"{each.label} {format_rfc3339(each.finished_at)} {sizes}"


def _plain(each: BackupSet) -> dict[str, object]:
    return {
        "label": each.label,
        "started_at": format_rfc3339(each.started_at),
        "finished_at": format_rfc3339(each.finished_at),
        "size_bytes": each.size_bytes,
        "stored_bytes": each.stored_bytes,
    }
