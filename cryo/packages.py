"""Debian packages that the embedded cluster and the image builder need on the host."""

import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from cryo.errors import PermanentCryoError
from toolchain.process import Command, run_command

HOST_PACKAGES = {
    "buildah": "builds images without a daemon",
    "ca-certificates": "lets the image builder's apt reach mirrors by HTTPS",
    "containerd": "runs the pods of the embedded cluster",
    "containernetworking-plugins": "gives pods their network",
    "debian-archive-keyring": "signatures of Debian's packages; absent on Ubuntu",
    "debootstrap": "makes the Debian base image where no registry can be reached",
    "iproute2": "makes the node's network device",
    "nftables": "kube-proxy writes its rules with it",
    "runc": "starts containers",
    "uidmap": "buildah's chroot isolation maps users",
}
TEST_PACKAGES = {
    "chromium": "the browser of tests/browser; Playwright brings a driver and no browser",
    "postgresql": "a throwaway server for the integration tests",
}
APT_TIMEOUT_S = 900


def missing_packages(wanted: Iterable[str], installed: Iterable[str]) -> tuple[str, ...]:
    """Packages to install, given the names of those that are there."""
    return tuple(sorted(set(wanted) - set(installed)))


def installed_packages(log: Path) -> frozenset[str]:
    """Names of the packages whose state is "installed".

    Raises:
        PermanentCryoError: this is not a system with dpkg.
    """
    if shutil.which("dpkg-query") is None:
        message = "dpkg-query not found: the embedded cluster needs Debian; use CLUSTER=kind or CLUSTER=current"
        raise PermanentCryoError(message)
    listing = run_command(Command(("dpkg-query", "-W", "-f=${Package} ${db:Status-Status}\\n"), log, timeout_s=60))
    entries = (line.split() for line in listing.splitlines())
    return frozenset(entry[0] for entry in entries if entry[1:] == ["installed"])


def install_packages(wanted: Iterable[str], log: Path, report: Callable[[str], None]) -> None:
    """Install what is missing; nothing happens when all is there.

    Raises:
        CommandFailedError: apt refused; the message holds its last lines.
    """
    missing = missing_packages(wanted, installed_packages(log))
    if not missing:
        report("packages: in place")
        return
    report(f"packages: installing {', '.join(missing)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run_command(Command(("apt-get", "update", "-q"), log, env=environment, timeout_s=APT_TIMEOUT_S))
    argv = ("apt-get", "install", "-q", "-y", "--no-install-recommends", *missing)
    run_command(Command(argv, log, env=environment, timeout_s=APT_TIMEOUT_S))
