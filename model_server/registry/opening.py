"""Open what keeps the registry: a folder, a bucket, or nothing."""

from model_server.errors import SettingInvalidError
from model_server.registry.bucket import Keeping
from model_server.registry.store import FolderStore, Store


def open_store(keeping: Keeping) -> Store | None:
    """Open the store; None where nothing may change.

    Raises:
        SettingInvalidError: the bucket's keys are missing or refused, or it ignores conditional writes (permanent).
        RegistryUnreachableError: the bucket does not answer (temporary).
    """
    folder, bucket, access = keeping
    if bucket is None:
        return FolderStore(folder) if folder else None
    if access is None:
        msg = "CRYO_REGISTRY_S3 needs CRYO_REGISTRY_S3_KEYS; set it to a folder with the files key-id and key"
        raise SettingInvalidError(msg)
    # A library that few servers need: 15 MB on disk, and memory only here.
    from model_server.registry.object_store import ObjectStore  # noqa: PLC0415

    store = ObjectStore(bucket, access)
    store.require_conditions()
    return store
