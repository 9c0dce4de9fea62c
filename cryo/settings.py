"""Where the platform keeps things on this machine, and which cluster and stack a command is about."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from toolchain.errors import PermanentToolchainError

DEFAULT_HOME = Path("/var/lib/cryoprotect")
DEFAULT_CACHE = Path("/var/cache/cryoprotect")


class ClusterKind(StrEnum):
    """Which Kubernetes the platform runs on."""

    EMBEDDED = "embedded"
    KIND = "kind"
    CURRENT = "current"


@dataclass(frozen=True, slots=True)
class Settings:
    """Read once from the environment at the start of a command.

    Attributes:
        repository: the checkout that holds environments/, infra/ and migrations/.
        home: CRYO_HOME; state that must survive a reboot. Default /var/lib/cryoprotect.
        cache: CRYO_CACHE; tools and images, which can be made again. Default /var/cache/cryoprotect.
        cluster: CLUSTER; embedded unless a context is named by CRYO_KUBE_CONTEXT.
        stack: CRYO_STACK; name of the environment file. Default local.
        environments: CRYO_ENVIRONMENTS; folder of environment files. Default the one of the repository.
    """

    repository: Path
    environments: Path
    home: Path
    cache: Path
    cluster: ClusterKind
    stack: str

    @property
    def pulumi_home(self) -> Path:
        """Pulumi's own folder: state of the file backend, plugins and the passphrase."""
        return self.home / "pulumi"

    @property
    def images_index(self) -> Path:
        """Which image reference each built name stands for."""
        return self.cache / "images" / "index.json"

    @property
    def lock(self) -> Path:
        """Held by commands that change the machine."""
        return self.home / "cryo.lock"


def read_settings(variables: Mapping[str, str] = os.environ) -> Settings:
    """Settings of this call.

    Raises:
        PermanentToolchainError: a variable holds something that is not one of its values.
    """
    repository = Path(__file__).resolve().parent.parent
    return Settings(
        repository=repository,
        environments=_folder(variables, "CRYO_ENVIRONMENTS", repository / "environments"),
        home=_folder(variables, "CRYO_HOME", DEFAULT_HOME),
        cache=_folder(variables, "CRYO_CACHE", DEFAULT_CACHE),
        cluster=_cluster_kind(variables),
        stack=variables.get("CRYO_STACK") or "local",
    )


def _cluster_kind(variables: Mapping[str, str]) -> ClusterKind:
    named = variables.get("CLUSTER", "")
    if not named:
        return ClusterKind.CURRENT if variables.get("CRYO_KUBE_CONTEXT") else ClusterKind.EMBEDDED
    try:
        return ClusterKind(named)
    except ValueError:
        kinds = ", ".join(ClusterKind)
        message = f"CLUSTER={named}: no such kind of cluster; use one of {kinds}, or leave it empty"
        raise PermanentToolchainError(message) from None


def _folder(variables: Mapping[str, str], name: str, default: Path) -> Path:
    value = variables.get(name, "")
    if value and not value.startswith("/"):
        message = f"{name}={value}: not an absolute path; processes of the cluster do not share your working directory"
        raise PermanentToolchainError(message)
    return Path(value) if value else default
