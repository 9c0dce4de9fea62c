"""The models a worker is expected to serve, and why one is not there when it is not."""

from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

from structlog.typing import FilteringBoundLogger

from model_server.errors import ModelNotReadyError, ModelServerError, RequestRefusedError
from model_server.registry.folder import WantedModel, find_release, load_release
from model_server.registry.session import open_session
from model_server.serve.metrics import ServeMetrics
from model_server.serve.predictor import Caches, Predictor
from model_server.serve.wire import ModelEntry

Loader = Callable[[WantedModel], Predictor]

_NO_MODELS = "no model is expected; set CRYO_MODELS"
_RETRY_AFTER_S = 5.0


class Shelf:
    """Expected models by name, each either loaded or with the reason it is not."""

    def __init__(self, wanted: Sequence[WantedModel]) -> None:
        """Expect models; none is loaded yet."""
        self._wanted = tuple(wanted)
        self._loaded: dict[str, Predictor] = {}
        self._reasons = {model.name: f"{model.name}: still loading" for model in wanted}

    def load_all(self, loader: Loader, *, colour: str, metrics: ServeMetrics, log: FilteringBoundLogger) -> None:
        """Load every expected model; one that cannot be loaded leaves its reason and does not stop the others."""
        for wanted in self._wanted:
            started = perf_counter()
            try:
                predictor = loader(wanted)
            except ModelServerError as error:
                self._reasons[wanted.name] = str(error)
                metrics.ready.labels(wanted.name).set(0)
                log.error("model_server.load.failed", model=wanted.name, reason=str(error))  # noqa: TRY400 - the message is the whole story
                continue
            seconds = perf_counter() - started
            self._loaded[wanted.name] = predictor
            del self._reasons[wanted.name]
            metrics.ready.labels(wanted.name).set(1)
            metrics.load_seconds.labels(wanted.name).set(seconds)
            metrics.info.labels(predictor.name.name, predictor.name.version, colour).set(1)
            log.info(
                "model_server.load.succeeded",
                model=predictor.name.name,
                model_version=predictor.name.version,
                digest=predictor.name.digest,
                duration_s=round(seconds, 3),
            )

    @property
    def unready_reasons(self) -> tuple[str, ...]:
        """Why readiness is withheld; empty when every expected model is loaded, and never empty without models."""
        if not self._wanted:
            return (_NO_MODELS,)
        return tuple(self._reasons.values())

    def find(self, name: str, *, status: int, path: str | None = None) -> Predictor:
        """Return a loaded model.

        Args:
            name: as asked for.
            status: of the refusal when no such model is expected: 404 in a path, 422 in a body.
            path: place of the name in the body.

        Raises:
            RequestRefusedError: not an expected model (permanent).
            ModelNotReadyError: expected, not loaded (temporary, 503).
        """
        predictor = self._loaded.get(name)
        if predictor is not None:
            return predictor
        if name in self._reasons:
            raise ModelNotReadyError(
                f"model {name} is not loaded; /readyz has the reason", retry_after_s=_RETRY_AFTER_S
            )
        offered = ", ".join(model.name for model in self._wanted)
        raise RequestRefusedError(
            f"no such model; choose one of: {offered}", code="unknown_model", status=status, path=path
        )

    def entries(self) -> list[ModelEntry]:
        """List the expected models in the order of the setting."""
        return [self._entry(model.name) for model in self._wanted]

    def _entry(self, name: str) -> ModelEntry:
        predictor = self._loaded.get(name)
        if predictor is None:
            return ModelEntry(name, "UNAVAILABLE")
        model = predictor.name
        return ModelEntry(
            name, "READY", model.version, predictor.release.card.model.unit, model.digest, predictor.levels
        )


def folder_loader(models_dir: Path, *, caches: Caches, metrics: ServeMetrics) -> Loader:
    """Load models from a folder of releases, verified and warmed."""

    def load(wanted: WantedModel) -> Predictor:
        release = load_release(find_release(models_dir, wanted))
        predictor = Predictor(release, open_session(release.model, where=release.where), caches=caches, metrics=metrics)
        predictor.warm_up()
        return predictor

    return load
