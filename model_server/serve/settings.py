"""Settings of the server, read once from environment variables at start."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar, cast, get_args
from urllib.parse import SplitResult, urlsplit

from model_server.errors import SettingInvalidError
from model_server.registry.folder import NAME_PATTERN, WantedModel, parse_wanted

RELEASED_DIR = Path(__file__).resolve().parent.parent / "registry" / "released"
EVERY_MODEL = "*"
DATASETS_FOLDER = "datasets"

_LABEL_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,62}")
_BIND_PATTERN = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):(?P<port>\d{1,5})")
_AMOUNTS_PATTERN = re.compile(r"cpu=\d+m?,memory=\d+[KMGT]i")
_MAX_PORT = 65535
_MAX_WORKERS = 64
_MAX_DRAIN_S = 600.0
_MAX_WINDOW_MS = 100.0
_MAX_DEADLINE_S = 86_400.0
_MAX_PARALLEL = 16
_MAX_REFRESH_S = 3600.0
_MAX_ROWS = 100_000

T = TypeVar("T")
Algorithm = Literal["HS256", "ES256"]
Amounts = tuple[tuple[str, str], ...]
Trainer = Literal["off", "process", "kubernetes"]


@dataclass(frozen=True)
class ServeSettings:
    """What the server is told.

    Args:
        host: `CRYO_BIND` before the colon; address to listen on.
        port: `CRYO_BIND` after the colon, 1 to 65535; default 8080.
        colour: `CRYO_COLOUR`; goes into a header and a metric label, so only letters, digits and `._+-`.
        version: `CRYO_VERSION`, same alphabet; of the deployed build, not of a model.
        models_dir: `CRYO_MODELS_DIR`; holds <name>/<version>/card.json. Default: the models shipped with the code.
        registry_dir: `CRYO_REGISTRY_DIR`; writable folder for aliases, history and registered models. Without it
            nothing can be changed.
        model_keys: `CRYO_MODEL_KEYS`; file of public keys. With it, unsigned and badly signed models are refused.
        wanted: `CRYO_MODELS`; comma list of `name` or `name@1.2.3`, all of which readiness waits for, or `*` for every
            model of the registry. Default `*`.
        workers: `CRYO_WORKERS`, 1 to 64; one per core. Above 1, `/metrics` answers for one worker at a time.
        shared_port: `CRYO_SHARED_PORT`, on or off; set by the parent of several workers.
        drain_s: `CRYO_DRAIN_S`, 0 to 600; after SIGTERM the server keeps answering, unready, for so many seconds, so
            that connections close in good order. Must stay below the pod's grace period. Default 2.
        repository: `CRYO_REPOSITORY_API`, on or off; the protocol's repository extension, for operators only. Default
            off.
        cached: `CRYO_CACHED_MODELS`; comma list of models whose inference answers are remembered, or `*`. Default none.
        gather: `CRYO_BATCHING`, on or off; let inference requests wait for each other. Default off.
        batch_rows: `CRYO_BATCH_ROWS`, 1 to 100,000; of one gathered run. Default 64.
        batch_window_ms: `CRYO_BATCH_WINDOW_MS`, 0 to 100; 0 gathers only what is in hand. Default 0.
        queue_rows: `CRYO_QUEUE_ROWS`, 1 to 100,000; rows that may wait for a run. Default 20,000.
        max_rows: `CRYO_MAX_ROWS`, 1 to 100,000; of one inference request. Default 10,000.
        jwt_algorithm: `CRYO_JWT_ALGORITHM`, HS256 or ES256; the only one accepted.
        jwt_key: `CRYO_JWT_KEY_FILE`; secret or public key in PEM. Without it no bearer token is accepted.
        jwt_audience: `CRYO_JWT_AUDIENCE`; demanded of a token when set.
        jwt_issuer: `CRYO_JWT_ISSUER`; demanded of a token when set.
        jwt_role_claim: `CRYO_JWT_ROLE_CLAIM`; claim that says viewer, scientist or operator. Default cryo_role.
        service_token: `CRYO_SERVICE_TOKEN_FILE`; secret with which other services act as operators.
        trainer: `CRYO_TRAINER`, off, process (of this machine) or kubernetes (a Job in the pod's namespace). Needs a
            registry. Default off.
        trainer_image: `CRYO_TRAINER_IMAGE`; of the Jobs that `kubernetes` creates, which needs it.
        trainer_claim: `CRYO_TRAINER_CLAIM`; PersistentVolumeClaim of the registry, which `kubernetes` needs.
        trainer_account: `CRYO_TRAINER_ACCOUNT`; ServiceAccount without rights for those Jobs. Default trainer.
        trainer_requests: `CRYO_TRAINER_REQUESTS`, such as cpu=500m,memory=512Mi, the default.
        trainer_limits: `CRYO_TRAINER_LIMITS`, likewise; default cpu=1,memory=1Gi.
        trainer_deadline_s: `CRYO_TRAINER_DEADLINE_S`, 10 to 86,400; a training that takes longer is stopped. Default
            3,600.
        trainer_parallel: `CRYO_TRAINER_PARALLEL`, 1 to 16; trainings at a time, of one model never more than one.
            Default 1.
        data_dir: `CRYO_DATA_DIR`; data sets that trainings read and PUT /api/v1/datasets writes. Default: `datasets`
            in the registry.
        flags_url: `CRYO_FLAGS_URL`, http or https; a flags service that speaks OFREP and may switch models off. Without
            it every model is on.
        flags_refresh_s: `CRYO_FLAGS_REFRESH_S`, 0.05 to 3600; pause between two questions to it. Default 5.
        tokens_everywhere: `CRYO_TOKENS_EVERYWHERE`, on or off; demand a token for reading and predicting too. Default
            off.
    """

    host: str = "0.0.0.0"  # noqa: S104 - the server runs in a pod and is reached through its Service
    port: int = 8080
    colour: str = "none"
    version: str = "dev"
    models_dir: Path = RELEASED_DIR
    registry_dir: Path | None = None
    model_keys: Path | None = None
    wanted: tuple[WantedModel, ...] | None = None
    workers: int = 1
    shared_port: bool = False
    drain_s: float = 2.0
    repository: bool = False
    cached: frozenset[str] = frozenset()
    gather: bool = False
    batch_rows: int = 64
    batch_window_ms: float = 0.0
    queue_rows: int = 20_000
    max_rows: int = 10_000
    jwt_algorithm: Algorithm = "HS256"
    jwt_key: Path | None = None
    jwt_audience: str | None = None
    jwt_issuer: str | None = None
    jwt_role_claim: str = "cryo_role"
    service_token: Path | None = None
    trainer: Trainer = "off"
    trainer_image: str | None = None
    trainer_claim: str | None = None
    trainer_account: str = "trainer"
    trainer_requests: Amounts = (("cpu", "500m"), ("memory", "512Mi"))
    trainer_limits: Amounts = (("cpu", "1"), ("memory", "1Gi"))
    trainer_deadline_s: float = 3600.0
    trainer_parallel: int = 1
    data_dir: Path | None = None
    flags_url: SplitResult | None = None
    flags_refresh_s: float = 5.0
    tokens_everywhere: bool = False

    @property
    def datasets_dir(self) -> Path | None:
        """Folder of data sets; None without a registry."""
        return self.data_dir or (self.registry_dir / DATASETS_FOLDER if self.registry_dir else None)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "ServeSettings":
        """Read the variables above; an unset or empty one keeps its default.

        Raises:
            SettingInvalidError: a value is outside its range; the message names the variable (permanent).
        """

        def read(name: str, parse: Callable[[str], T], default: T) -> T:
            return _read(environment, name, parse, default)

        host, port = read("CRYO_BIND", _parse_bind, (cls.host, cls.port))
        return cls(
            host=host,
            port=port,
            colour=read("CRYO_COLOUR", _parse_label, cls.colour),
            version=read("CRYO_VERSION", _parse_label, cls.version),
            models_dir=read("CRYO_MODELS_DIR", Path, cls.models_dir),
            registry_dir=read("CRYO_REGISTRY_DIR", _parse_path, cls.registry_dir),
            model_keys=read("CRYO_MODEL_KEYS", _parse_path, cls.model_keys),
            wanted=read("CRYO_MODELS", _parse_models, cls.wanted),
            workers=read("CRYO_WORKERS", _whole(1, _MAX_WORKERS), cls.workers),
            shared_port=read("CRYO_SHARED_PORT", _parse_switch, cls.shared_port),
            drain_s=read("CRYO_DRAIN_S", _number(0.0, _MAX_DRAIN_S), cls.drain_s),
            repository=read("CRYO_REPOSITORY_API", _parse_switch, cls.repository),
            cached=read("CRYO_CACHED_MODELS", _parse_names, cls.cached),
            gather=read("CRYO_BATCHING", _parse_switch, cls.gather),
            batch_rows=read("CRYO_BATCH_ROWS", _whole(1, _MAX_ROWS), cls.batch_rows),
            batch_window_ms=read("CRYO_BATCH_WINDOW_MS", _number(0.0, _MAX_WINDOW_MS), cls.batch_window_ms),
            queue_rows=read("CRYO_QUEUE_ROWS", _whole(1, _MAX_ROWS), cls.queue_rows),
            max_rows=read("CRYO_MAX_ROWS", _whole(1, _MAX_ROWS), cls.max_rows),
            jwt_algorithm=read("CRYO_JWT_ALGORITHM", _parse_algorithm, cls.jwt_algorithm),
            jwt_key=read("CRYO_JWT_KEY_FILE", _parse_path, cls.jwt_key),
            jwt_audience=read("CRYO_JWT_AUDIENCE", _parse_text, cls.jwt_audience),
            jwt_issuer=read("CRYO_JWT_ISSUER", _parse_text, cls.jwt_issuer),
            jwt_role_claim=read("CRYO_JWT_ROLE_CLAIM", _parse_label, cls.jwt_role_claim),
            service_token=read("CRYO_SERVICE_TOKEN_FILE", _parse_path, cls.service_token),
            trainer=read("CRYO_TRAINER", _parse_trainer, cls.trainer),
            trainer_image=read("CRYO_TRAINER_IMAGE", _parse_text, cls.trainer_image),
            trainer_claim=read("CRYO_TRAINER_CLAIM", _parse_text, cls.trainer_claim),
            trainer_account=read("CRYO_TRAINER_ACCOUNT", _parse_label, cls.trainer_account),
            trainer_requests=read("CRYO_TRAINER_REQUESTS", _parse_amounts, cls.trainer_requests),
            trainer_limits=read("CRYO_TRAINER_LIMITS", _parse_amounts, cls.trainer_limits),
            trainer_deadline_s=read("CRYO_TRAINER_DEADLINE_S", _number(10.0, _MAX_DEADLINE_S), cls.trainer_deadline_s),
            trainer_parallel=read("CRYO_TRAINER_PARALLEL", _whole(1, _MAX_PARALLEL), cls.trainer_parallel),
            data_dir=read("CRYO_DATA_DIR", _parse_path, cls.data_dir),
            flags_url=read("CRYO_FLAGS_URL", _parse_url, cls.flags_url),
            flags_refresh_s=read("CRYO_FLAGS_REFRESH_S", _number(0.05, _MAX_REFRESH_S), cls.flags_refresh_s),
            tokens_everywhere=read("CRYO_TOKENS_EVERYWHERE", _parse_switch, cls.tokens_everywhere),
        )


def _read(environment: Mapping[str, str], name: str, parse: Callable[[str], T], default: T) -> T:
    text = environment.get(name, "").strip()
    if not text:
        return default
    try:
        return parse(text)
    except ValueError as error:
        raise SettingInvalidError(f"{name}={text!r}: {error}; correct the variable") from error


def _parse_bind(text: str) -> tuple[str, int]:
    match = _BIND_PATTERN.fullmatch(text)
    if match is None or not 1 <= int(match["port"]) <= _MAX_PORT:
        raise ValueError(f"expected host:port with a port of 1 to {_MAX_PORT}")
    return match["host"].strip("[]"), int(match["port"])


def _parse_label(text: str) -> str:
    if not _LABEL_PATTERN.fullmatch(text):
        raise ValueError(f"expected {_LABEL_PATTERN.pattern}")
    return text


def _parse_text(text: str) -> str | None:
    return text


def _parse_path(text: str) -> Path | None:
    return Path(text)


def _parse_url(text: str) -> SplitResult | None:
    address = urlsplit(text)
    if address.scheme not in {"http", "https"} or not address.hostname or address.query or "@" in address.netloc:
        msg = "expected http://host:port without credentials or query"
        raise ValueError(msg)
    _ = address.port  # raises ValueError itself
    return address


def _parse_switch(text: str) -> bool:
    known = {"on": True, "off": False}
    if text not in known:
        raise ValueError(f"expected one of {', '.join(known)}")
    return known[text]


def _parse_algorithm(text: str) -> Algorithm:
    if text == "HS256":
        return "HS256"
    if text == "ES256":
        return "ES256"
    raise ValueError(f"{text[:16]} is not accepted, expected HS256 or ES256")


def _parse_trainer(text: str) -> Trainer:
    if text not in get_args(Trainer):
        raise ValueError(f"expected one of {', '.join(get_args(Trainer))}")
    return cast("Trainer", text)


def _parse_amounts(text: str) -> Amounts:
    if not _AMOUNTS_PATTERN.fullmatch(text):
        msg = "expected cpu=<quantity>,memory=<quantity>, such as cpu=500m,memory=1Gi"
        raise ValueError(msg)
    parts = (part.partition("=") for part in text.split(","))
    return tuple((name, quantity) for name, _, quantity in parts)


def _parse_models(text: str) -> tuple[WantedModel, ...] | None:
    if text == EVERY_MODEL:
        return None
    wanted = tuple(parse_wanted(part.strip()) for part in text.split(","))
    if len({model.name for model in wanted}) != len(wanted):
        raise ValueError(f"{len(wanted)} entries name a model twice")
    return wanted


def _parse_names(text: str) -> frozenset[str]:
    names = frozenset(part.strip() for part in text.split(","))
    wrong = sorted(name for name in names if name != EVERY_MODEL and not NAME_PATTERN.fullmatch(name))
    if wrong:
        raise ValueError(f"{wrong} cannot name models")
    return names


def _whole(lowest: int, highest: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = int(text)
        if not lowest <= value <= highest:
            raise ValueError(f"expected {lowest} to {highest}")
        return value

    return parse


def _number(lowest: float, highest: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        value = float(text)
        if not lowest <= value <= highest:
            raise ValueError(f"expected {lowest:g} to {highest:g}")
        return value

    return parse
