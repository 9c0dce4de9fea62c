"""Every error of the model server: what happened, where, what to do.

Permanent errors end a process with 70 and must not be retried with the same input; temporary ones end it with 75.
"""

from typing import ClassVar


class ModelServerError(Exception):
    """Root of every error this package raises on purpose."""

    exit_code: ClassVar[int] = 70


class PermanentError(ModelServerError):
    """The same input will fail again; something has to be changed first."""

    exit_code: ClassVar[int] = 70


class TemporaryError(ModelServerError):
    """The same input may succeed later."""

    exit_code: ClassVar[int] = 75

    def __init__(self, message: str, *, retry_after_s: float = 1.0) -> None:
        """Describe the failure.

        Args:
            message: What failed, where, what to do.
            retry_after_s: Seconds to wait before another attempt is worth it.
        """
        super().__init__(message)
        self.retry_after_s = retry_after_s


class SettingInvalidError(PermanentError):
    """A setting has a value outside its legal range."""


class DatasetMissingError(PermanentError):
    """A data set is not in the data folder, or no data folder was given."""


class DatasetInvalidError(PermanentError):
    """A data set differs from its manifest: checksum, schema, unit or range."""


class MoleculeInvalidError(PermanentError):
    """A text is not a molecule this package describes."""


class ConditionInvalidError(PermanentError):
    """A condition beside the molecule or composition is absent, unknown or outside its range."""


class UnitConversionError(PermanentError):
    """An amount cannot be expressed in the wanted unit with what is known about the substance."""


class IngredientUnknownError(PermanentError):
    """A component of a mixture is not among the ingredients that a model knows."""


class TrainingCancelledError(PermanentError):
    """Training was told to stop; nothing was written."""


class ExportInvalidError(PermanentError):
    """The exported graph does not answer like the model it was made from."""


class ArtefactInvalidError(PermanentError):
    """A model folder is absent, incomplete or differs from its card."""


class ReleaseExistsError(PermanentError):
    """A released version would be overwritten by different content."""


class RegistryRefusedError(PermanentError):
    """The registry's rules forbid a change; the message holds every reason."""


class RegistryBusyError(TemporaryError):
    """Somebody else changed the registry at the same moment."""


class RegistryUnreachableError(TemporaryError):
    """The object store of the registry does not answer; what is loaded goes on answering."""


class QueueFullError(TemporaryError):
    """More rows wait for a model than its queue may hold."""


class ModelNotReadyError(TemporaryError):
    """The model is expected here but not loaded and warmed."""


class ModelDisabledError(TemporaryError):
    """Somebody switched the model off by its feature flag."""


class FlagsUnreachableError(TemporaryError):
    """The flags service gives no answer that can be read; what it said last still holds."""


class TrainerMissingError(PermanentError):
    """The packages that train are not installed here, or the cluster refuses the Job."""


class TrainerUnreachableError(TemporaryError):
    """The place that runs trainings does not answer; nothing is known about the run."""


class AddressBusyError(TemporaryError):
    """The address to listen on is taken or not one of this machine's."""


class RequestRefusedError(PermanentError):
    """A request that is answered with an error object."""

    def __init__(self, message: str, *, code: str, status: int, path: str | None = None) -> None:
        """Describe the refusal.

        Args:
            message: What, where, what to do.
            code: Stable word a client can branch on, such as ``invalid_smiles``.
            status: HTTP status.
            path: Place in the request body, such as ``inputs[0].smiles``.
        """
        super().__init__(message)
        self.code = code
        self.status = status
        self.path = path
