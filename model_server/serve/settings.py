"""Settings of the server, read once from environment variables at start."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar
from urllib.parse import SplitResult

from model_server.errors import SettingInvalidError
from model_server.registry.bucket import DEFAULT_REGION, Access, Bucket, Keeping
from model_server.registry.folder import WantedModel
from model_server.serve.setting_values import (
    Algorithm,
    Amounts,
    Trainer,
    number,
    parse_algorithm,
    parse_amounts,
    parse_bind,
    parse_bucket,
    parse_label,
    parse_models,
    parse_names,
    parse_path,
    parse_switch,
    parse_text,
    parse_trainer,
    parse_url,
    whole,
)

RELEASED_DIR = Path(__file__).resolve().parent.parent / "registry" / "released"
DATASETS_FOLDER = "datasets"

_MAX_WORKERS = 64
_MAX_DRAIN_S = 600.0
_MAX_WINDOW_MS = 100.0
_MAX_DEADLINE_S = 86_400.0
_MAX_PARALLEL = 16
_MAX_REFRESH_S = 3600.0
_MAX_ROWS = 100_000

T = TypeVar("T")
_VARIABLES: Mapping[str, tuple[str, Callable[[str], Any]]] = MappingProxyType(
    {
        "colour": ("CRYO_COLOUR", parse_label),
        "version": ("CRYO_VERSION", parse_label),
        "models_dir": ("CRYO_MODELS_DIR", Path),
        "registry_dir": ("CRYO_REGISTRY_DIR", parse_path),
        "registry_s3": ("CRYO_REGISTRY_S3", parse_bucket),
        "registry_s3_keys": ("CRYO_REGISTRY_S3_KEYS", parse_path),
        "registry_s3_ca": ("CRYO_REGISTRY_S3_CA", parse_path),
        "registry_s3_region": ("CRYO_REGISTRY_S3_REGION", parse_label),
        "model_keys": ("CRYO_MODEL_KEYS", parse_path),
        "wanted": ("CRYO_MODELS", parse_models),
        "workers": ("CRYO_WORKERS", whole(1, _MAX_WORKERS)),
        "shared_port": ("CRYO_SHARED_PORT", parse_switch),
        "drain_s": ("CRYO_DRAIN_S", number(0.0, _MAX_DRAIN_S)),
        "repository": ("CRYO_REPOSITORY_API", parse_switch),
        "cached": ("CRYO_CACHED_MODELS", parse_names),
        "gather": ("CRYO_BATCHING", parse_switch),
        "batch_rows": ("CRYO_BATCH_ROWS", whole(1, _MAX_ROWS)),
        "batch_window_ms": ("CRYO_BATCH_WINDOW_MS", number(0.0, _MAX_WINDOW_MS)),
        "queue_rows": ("CRYO_QUEUE_ROWS", whole(1, _MAX_ROWS)),
        "max_rows": ("CRYO_MAX_ROWS", whole(1, _MAX_ROWS)),
        "jwt_algorithm": ("CRYO_JWT_ALGORITHM", parse_algorithm),
        "jwt_key": ("CRYO_JWT_KEY_FILE", parse_path),
        "jwt_audience": ("CRYO_JWT_AUDIENCE", parse_text),
        "jwt_issuer": ("CRYO_JWT_ISSUER", parse_text),
        "jwt_role_claim": ("CRYO_JWT_ROLE_CLAIM", parse_label),
        "service_token": ("CRYO_SERVICE_TOKEN_FILE", parse_path),
        "trainer": ("CRYO_TRAINER", parse_trainer),
        "trainer_image": ("CRYO_TRAINER_IMAGE", parse_text),
        "trainer_claim": ("CRYO_TRAINER_CLAIM", parse_text),
        "trainer_account": ("CRYO_TRAINER_ACCOUNT", parse_label),
        "trainer_requests": ("CRYO_TRAINER_REQUESTS", parse_amounts),
        "trainer_limits": ("CRYO_TRAINER_LIMITS", parse_amounts),
        "trainer_deadline_s": ("CRYO_TRAINER_DEADLINE_S", number(10.0, _MAX_DEADLINE_S)),
        "trainer_parallel": ("CRYO_TRAINER_PARALLEL", whole(1, _MAX_PARALLEL)),
        "data_dir": ("CRYO_DATA_DIR", parse_path),
        "flags_url": ("CRYO_FLAGS_URL", parse_url),
        "flags_refresh_s": ("CRYO_FLAGS_REFRESH_S", number(0.05, _MAX_REFRESH_S)),
        "tokens_everywhere": ("CRYO_TOKENS_EVERYWHERE", parse_switch),
    }
)
"""Variable of each setting but the address, and what reads it; every field of `ServeSettings` is read by one."""


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
        registry_s3: `CRYO_REGISTRY_S3`, https://host:port/bucket/prefix; keeps aliases, history, registered models,
            jobs and experiments in place of the folder, in which trainings still run.
        registry_s3_keys: `CRYO_REGISTRY_S3_KEYS`; folder with the files key-id and key.
        registry_s3_ca: `CRYO_REGISTRY_S3_CA`; PEM file of the authority behind the store's certificate. Default: the
            public ones.
        registry_s3_region: `CRYO_REGISTRY_S3_REGION`; default us-east-1.
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
    registry_s3: Bucket | None = None
    registry_s3_keys: Path | None = None
    registry_s3_ca: Path | None = None
    registry_s3_region: str = DEFAULT_REGION
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
    def registry(self) -> Keeping:
        """Where everything that changes is kept."""
        access = None
        if self.registry_s3_keys is not None:
            access = Access(self.registry_s3_keys, self.registry_s3_ca, self.registry_s3_region)
        return Keeping(self.registry_dir, self.registry_s3, access)

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
        found = {name: _read(environment, *row, getattr(cls, name)) for name, row in _VARIABLES.items()}
        host, port = _read(environment, "CRYO_BIND", parse_bind, (cls.host, cls.port))
        return cls(host=host, port=port, **found)


def _read(environment: Mapping[str, str], name: str, parse: Callable[[str], T], default: T) -> T:
    text = environment.get(name, "").strip()
    if not text:
        return default
    try:
        return parse(text)
    except ValueError as error:
        raise SettingInvalidError(f"{name}={text!r}: {error}; correct the variable") from error
