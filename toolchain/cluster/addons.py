"""Applies what clusters of ours need beyond Kubernetes: Gateway API definitions; DNS and storage where embedded."""

from collections.abc import Mapping
from pathlib import Path
from string import Template

from toolchain.cluster.host import HostFacts
from toolchain.cluster.layout import Layout
from toolchain.errors import TemporaryToolchainError
from toolchain.process import Command, run_command

FIELD_MANAGER = "cryo-cluster"
MANIFESTS = Path(__file__).with_name("manifests")
# Measured 1 s; kubectl itself waits for the API server that long.
APPLY_TIMEOUT_S = 60


def system_manifest(layout: Layout, facts: HostFacts, coredns_image: str) -> str:
    """DNS, storage class and provisioner rights of the embedded cluster."""
    # A host without a reachable nameserver has no outside names to give; CoreDNS refuses an empty forward.
    forward = f"      forward . {' '.join(facts.nameservers)}" if facts.nameservers else ""
    text = (MANIFESTS / "system.yaml").read_text()
    return Template(text).substitute(
        COREDNS_IMAGE=coredns_image, DNS_SERVICE=str(layout.network.dns_service), FORWARD=forward
    )


def gateway_api_manifests(folder: Path) -> str:
    """The standard channel's definitions as one stream.

    Args:
        folder: `config/crd/standard` of the pinned Gateway API module.
    """
    return "\n---\n".join(path.read_text() for path in sorted(folder.glob("*.yaml")))


def apply(kubectl: tuple[str, ...], manifest: str, *, log: Path, env: Mapping[str, str] | None = None) -> None:
    """Apply a stream of objects server-side under our field manager; repeatable.

    Raises:
        CommandFailedError: the API server refused; the log holds why.
    """
    argv = (*kubectl, "apply", "--server-side", "--force-conflicts", f"--field-manager={FIELD_MANAGER}", "-f", "-")
    run_command(Command(argv, log, env=env, stdin=manifest, timeout_s=APPLY_TIMEOUT_S))


def wait_for(kubectl: tuple[str, ...], what: str, condition: str, *, log: Path, timeout_s: int) -> None:
    """Wait until objects have a condition.

    Raises:
        TemporaryToolchainError: not within the time.
    """
    argv = (*kubectl, "wait", what, f"--for={condition}", "--all-namespaces", f"--timeout={timeout_s}s", "--all")
    try:
        run_command(Command(argv, log, timeout_s=timeout_s + 10))
    except Exception as error:
        message = f"{what}: not {condition} after {timeout_s} s; see {log}"
        raise TemporaryToolchainError(message) from error
