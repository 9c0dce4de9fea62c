"""The registry's command line, as plain functions over arguments and environment; `cryo model` mounts it."""

import argparse
import getpass
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TextIO

import msgspec

from model_server.errors import ModelServerError, SettingInvalidError
from model_server.registry.bucket import DEFAULT_REGION, Access, Keeping, parse_bucket
from model_server.registry.folder import SIGNATURE_FILE, load_release
from model_server.registry.opening import open_store
from model_server.registry.record import (
    CHALLENGER,
    CHAMPION,
    Decision,
    HistoryEntry,
    ModelRecord,
    Traffic,
    clear_challenger,
    retire_version,
    share_traffic,
)
from model_server.registry.registry import Registry, open_registry

RELEASED_DIR = Path(__file__).resolve().parent / "released"

Command = Callable[[Registry, argparse.Namespace, TextIO], None]


def main(argv: Sequence[str], environment: Mapping[str, str], out: TextIO | None = None) -> int:
    """Run one command; return the exit code.

    Args:
        argv: arguments without the program's name.
        environment: CRYO_MODELS_DIR, CRYO_REGISTRY_DIR and CRYO_MODEL_KEYS are read from it.
        out: where results go; standard output when absent.
    """
    options = build_parser().parse_args(argv)
    try:
        registry = open_registry(
            Path(options.models_dir or environment.get("CRYO_MODELS_DIR") or RELEASED_DIR),
            open_store(_keeping(options.registry_dir, environment)),
            keys=_optional_path(environment.get("CRYO_MODEL_KEYS")),
        )
        command: Command = options.command
        command(registry, options, out or sys.stdout)
    except ModelServerError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Describe every command and option."""
    parser = argparse.ArgumentParser(prog="model_server.registry", description="Released models and their aliases.")
    parser.add_argument("--models-dir", help="folder of shipped releases; default CRYO_MODELS_DIR")
    parser.add_argument("--registry-dir", help="folder of everything that changes; default CRYO_REGISTRY_DIR")
    commands = parser.add_subparsers(required=True, metavar="command")

    def add(name: str, command: Command, text: str, *names: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(command=command)
        for each in names:
            added.add_argument(each)
        return added

    def add_decision(name: str, command: Command, text: str, *names: str) -> argparse.ArgumentParser:
        added = add(name, command, text, *names)
        added.add_argument("--why", required=True, help="reason, kept in the history")
        added.add_argument("--who", default=getpass.getuser(), help="who decides; default the user")
        return added

    add("list", list_models, "List models with their aliases.").add_argument("--json", action="store_true")
    add("show", show_model, "Show the record of one model.", "name").add_argument("--json", action="store_true")
    add("history", show_history, "Show who changed what, when and why.", "name").add_argument(
        "--json", action="store_true"
    )
    add_decision("register", register, "Copy a release folder into the registry.", "folder")
    promote = add_decision("promote", promote_version, "Make a version champion.", "name", "version")
    promote.add_argument("--override", action="store_true", help="although its card does not beat the baseline")
    challenge = add_decision("challenge", challenge_with, "Make a version challenger.", "name", "version")
    challenge.add_argument("--share", type=float, default=0.0, help="share of requests it answers, 0 to 1")
    challenge.add_argument("--shadow", action="store_true", help="let it compute unseen what the champion answers")
    add_decision("clear", clear, "Send the challenger home.", "name")
    add_decision("retire", retire, "Take a version out of service for good.", "name", "version")
    add("sign", sign, "Sign a release folder.", "folder").add_argument("--key", required=True, help="private key, PEM")
    add("keygen", make_keys, "Write <prefix>.private.pem and <prefix>.public.pem.", "prefix")
    return parser


def list_models(registry: Registry, options: argparse.Namespace, out: TextIO) -> None:
    """Print one line per model."""
    records = [registry.record(name) for name in registry.names()]
    if options.json:
        _print_json(records, out)
        return
    for record in records:
        aliases = ", ".join(f"{alias} {version}" for alias, version in sorted(record.aliases.items()))
        out.write(f"{record.name:24} {len(record.versions):3} versions  {aliases or 'no alias'}\n")


def show_model(registry: Registry, options: argparse.Namespace, out: TextIO) -> None:
    """Print every version of one model."""
    record = _existing(registry, options.name)
    if options.json:
        _print_json(record, out)
        return
    for version, entry in record.versions.items():
        held = [alias for alias, holder in record.aliases.items() if holder == version]
        state = "retired" if entry.retired else ", ".join(held) or "-"
        worth = "beats its baseline" if entry.promotable else "does not beat its baseline"
        out.write(f"{version:12} {state:24} {worth:28} {entry.digest}\n")


def show_history(registry: Registry, options: argparse.Namespace, out: TextIO) -> None:
    """Print every change of one model, oldest first."""
    record = _existing(registry, options.name)
    if options.json:
        _print_json(record.history, out)
        return
    lines = [f"{entry.act.at}  {entry.act.who:16} {_describe(entry)}: {entry.act.why}\n" for entry in record.history]
    out.writelines(lines)


def register(registry: Registry, options: argparse.Namespace, out: TextIO) -> None:
    """Copy a release into the registry."""
    release, decision = registry.register(Path(options.folder), who=options.who, why=options.why)
    out.write(f"{release.card.model.name} {release.card.model.version} {release.digest}: {decision.because[0]}\n")


def promote_version(registry: Registry, options: argparse.Namespace, out: TextIO) -> None:
    """Make a version champion."""
    act = registry.act(options.who, options.why)
    decision = registry.assign(options.name, CHAMPION, options.version, act, override=options.override)
    _print_aliases(decision, out)


def challenge_with(registry: Registry, options: argparse.Namespace, out: TextIO) -> None:
    """Make a version challenger and set its part in the traffic."""
    act = registry.act(options.who, options.why)
    registry.assign(options.name, CHALLENGER, options.version, act)
    traffic = Traffic(options.share, options.shadow)
    _print_aliases(registry.change(options.name, lambda record: share_traffic(record, traffic, act)), out)


def clear(registry: Registry, options: argparse.Namespace, out: TextIO) -> None:
    """Send the challenger home."""
    act = registry.act(options.who, options.why)
    _print_aliases(registry.change(options.name, lambda record: clear_challenger(record, act)), out)


def retire(registry: Registry, options: argparse.Namespace, out: TextIO) -> None:
    """Take a version out of service for good."""
    act = registry.act(options.who, options.why)
    _print_aliases(registry.change(options.name, lambda record: retire_version(record, options.version, act)), out)


def sign(_registry: Registry, options: argparse.Namespace, out: TextIO) -> None:
    """Write the signature of a release folder beside its card."""
    from model_server.registry.signature import sign_digest  # noqa: PLC0415 - loads a library few commands need

    folder, key = Path(options.folder), Path(options.key)
    release = load_release(folder)
    try:
        private = key.read_bytes()
    except OSError as error:
        raise SettingInvalidError(f"{key}: {error.strerror}; give the private key") from error
    (folder / SIGNATURE_FILE).write_bytes(sign_digest(release.digest, private, where=str(key)))
    out.write(f"signed {release.digest}\n")


def make_keys(_registry: Registry, options: argparse.Namespace, out: TextIO) -> None:
    """Write a new key pair; the private one is readable by its owner only."""
    from model_server.registry.signature import new_key_pair  # noqa: PLC0415 - loads a library few commands need

    pair = new_key_pair()
    private, public = Path(f"{options.prefix}.private.pem"), Path(f"{options.prefix}.public.pem")
    try:
        private.touch(mode=0o600, exist_ok=False)
        private.write_bytes(pair.private)
        public.write_bytes(pair.public)
    except OSError as error:
        raise SettingInvalidError(f"{private}: {error.strerror}; choose another prefix") from error
    out.write(f"{private} signs, {public} is what servers get as CRYO_MODEL_KEYS\n")


def _existing(registry: Registry, name: str) -> ModelRecord:
    if name not in registry.names():
        raise SettingInvalidError(f"no model {name}; known: {', '.join(registry.names()) or 'none'}")
    return registry.record(name)


def _describe(entry: HistoryEntry) -> str:
    moved = f" (was {entry.replaced})" if entry.replaced else ""
    forced = " by override" if entry.override else ""
    return f"{entry.action} {entry.version or ''}{moved}{forced}".strip()


def _print_aliases(decision: Decision, out: TextIO) -> None:
    record = decision.record
    if record is not None:
        out.write(f"{record.name}: {', '.join(f'{alias} {held}' for alias, held in sorted(record.aliases.items()))}\n")


def _print_json(value: object, out: TextIO) -> None:
    out.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def _keeping(folder: str | None, environment: Mapping[str, str]) -> Keeping:
    text, keys_dir = environment.get("CRYO_REGISTRY_S3"), _optional_path(environment.get("CRYO_REGISTRY_S3_KEYS"))
    if folder or not text:
        return Keeping(_optional_path(folder or environment.get("CRYO_REGISTRY_DIR")))
    try:
        bucket = parse_bucket(text)
    except ValueError as error:
        raise SettingInvalidError(f"CRYO_REGISTRY_S3={text!r}: {error}; correct the variable") from error
    region = environment.get("CRYO_REGISTRY_S3_REGION") or DEFAULT_REGION
    access = Access(keys_dir, _optional_path(environment.get("CRYO_REGISTRY_S3_CA")), region) if keys_dir else None
    return Keeping(None, bucket, access)


def _optional_path(text: str | None) -> Path | None:
    return Path(text) if text else None
