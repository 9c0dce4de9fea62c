"""Everything that backups need, in the order in which its parts need each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.components.backup import Backup, BackupArgs
from infra.components.backup_jobs import BackupJobs, BackupJobsArgs
from infra.components.backup_secrets import BackupSecrets, BackupSecretsArgs
from infra.components.database import Archiving
from infra.components.object_store import ObjectStore, ObjectStoreArgs

if TYPE_CHECKING:
    from collections.abc import Callable

    import pulumi

    from infra.config import Environment


def declare_backups(
    environment: Environment,
    stack: str,
    namespace: pulumi.Input[str],
    *,
    image_of: Callable[[str], pulumi.Input[str]],
    opts: pulumi.ResourceOptions,
) -> Archiving | None:
    """Declare what the database archives to; return how it does that, None where backups are off."""
    settings = environment.backup
    if not settings.enabled:
        return None
    protect, version = environment.protect_data, environment.agents.version
    image = image_of(settings.image)
    secrets = BackupSecrets(
        "backup-secrets", BackupSecretsArgs(namespace=namespace, environment=stack, protect=protect), opts=opts
    )
    store = settings.repository.embedded
    if store is not None:
        ObjectStore(
            "object-store",
            ObjectStoreArgs(store, image_of(store.image), namespace, secrets, stack, protect),
            opts=opts,
        )
    host = Backup("backup", BackupArgs(settings, image, namespace, secrets, stack, version, protect), opts=opts)
    BackupJobs("backup-jobs", BackupJobsArgs(settings, host, image, namespace, stack, version), opts=opts)
    return Archiving(settings, secrets.tls)
