"""Debian for the base image: how this machine reaches a mirror, and a slim root made by debootstrap.

Nothing of the machine ends in an image: its mirror, proxy and certificates reach apt as build secrets only.
"""

import os
import re
import shutil
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from toolchain.errors import PermanentToolchainError
from toolchain.images.engine import contained
from toolchain.images.spec import DEBIAN_SUITE
from toolchain.process import Command, run_command

# How this machine talks to a mirror; everything else of its apt configuration is its own business.
APT_SETTINGS = ("Acquire::http::", "Acquire::https::", "Acquire::Check-Valid-Until", "Acquire::Check-Date ")
# Paths of this machine, which do not exist inside a build.
APT_PATHS = ("::CaInfo", "::CaPath", "::SslCert", "::SslKey", "ProxyAutoDetect", "Proxy-Auto-Detect")

CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")

# Chosen: four times the 65 s measured on two busy cores, plus a slow mirror.
DEBOOTSTRAP_TIMEOUT_S = 900

# Removed from the root: documentation but for licences, and what debootstrap copied from this machine.
ROOT_WITHOUT = (
    "etc/apt/sources.list", "etc/hostname", "etc/machine-id", "etc/resolv.conf", "usr/share/bug",
    "usr/share/doc-base", "usr/share/info", "usr/share/lintian", "usr/share/locale", "usr/share/man",
    "usr/share/groff", "var/cache/apt", "var/cache/debconf", "var/cache/ldconfig", "var/lib/apt/lists",
    "var/lib/dpkg/status-old", "var/log",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mirrors:
    """Where Debian packages come from; None leaves debootstrap its own default."""

    main: str | None
    security: str | None


def find_mirrors(sources: Iterable[str], override: str | None) -> Mirrors:
    """Find the Debian mirrors in the texts of a machine's apt sources.

    Args:
        sources: contents of sources.list and of the files below sources.list.d, in either format.
        override: main mirror that the person asked for.

    Returns:
        The first main mirror and the first security mirror. A mirror with a password in its address is not taken,
        because the address appears in argument lists and logs.
    """
    addresses = [a.rstrip("/") for text in sources for a in _addresses(text) if "@" not in a]
    main = next((a for a in addresses if a.endswith("/debian")), None)
    security = next((a for a in addresses if a.endswith("/debian-security")), None)
    return Mirrors(override.rstrip("/") if override else main, security)


def _addresses(text: str) -> Iterator[str]:
    for raw in text.splitlines():
        line = raw.split("#", 1)[0].strip()
        if line.startswith("URIs:"):
            yield from line.removeprefix("URIs:").split()
        elif line.startswith("deb "):
            yield from re.sub(r"\[.*?\]", "", line).split()[1:2]


def apt_lines(mirrors: Mirrors) -> str:
    """Write the apt sources of one build; empty when no main mirror is known."""
    if mirrors.main is None:
        return ""
    lines = [f"deb {mirrors.main} {DEBIAN_SUITE} main", f"deb {mirrors.main} {DEBIAN_SUITE}-updates main"]
    if mirrors.security is not None:
        lines.append(f"deb {mirrors.security} {DEBIAN_SUITE}-security main")
    return "\n".join(lines) + "\n"


def select_apt_settings(dump: str) -> str:
    """Keep the lines of `apt-config dump` that say how to reach a mirror."""
    kept = [
        line
        for line in dump.splitlines()
        if line.startswith(APT_SETTINGS) and not any(path in line for path in APT_PATHS)
    ]
    return "\n".join(kept) + "\n"


def read_sources(etc_apt: Path) -> list[str]:
    """Read a machine's apt sources; a machine without apt has none."""
    files = [etc_apt / "sources.list", *sorted((etc_apt / "sources.list.d").glob("*"))]
    return [file.read_text(errors="replace") for file in files if file.is_file()]


def write_apt_secrets(folder: Path, mirrors: Mirrors, log: Path, *, own_sources: bool) -> dict[str, Path]:
    """Write the files that tell apt inside a build how to reach a mirror from this machine.

    Args:
        folder: where to write them; the caller removes it after the build.
        mirrors: where packages come from.
        log: where the call of apt-config is logged.
        own_sources: the base image brings sources of its own, and nobody asked for others.

    Returns:
        Path of each secret by its id.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settings = ""
    if shutil.which("apt-config") is not None:
        settings = select_apt_settings(run_command(Command(["apt-config", "dump"], log=log)))
    texts = {"apt-conf": settings, "apt-lines": "" if own_sources else apt_lines(mirrors)}
    secrets: dict[str, Path] = {}
    for name, text in texts.items():
        secrets[name] = folder / name
        secrets[name].write_text(text, encoding="utf-8")
    secrets["apt-ca"] = folder / "apt-ca"
    secrets["apt-ca"].write_bytes(CERTIFICATES.read_bytes() if CERTIFICATES.exists() else b"")
    return secrets


def make_root_archive(archive: Path, mirrors: Mirrors, log: Path) -> None:
    """Make a slim Debian root with debootstrap and write it as a tar file.

    Raises:
        PermanentToolchainError: not root, or debootstrap is missing.
        CommandFailedError: debootstrap failed; its log says where.
    """
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        message = (
            "the base image needs root and debootstrap; run as root after `apt-get install debootstrap`, "
            "or name a pinned registry image in CRYO_BASE_IMAGE"
        )
        raise PermanentToolchainError(message)
    root = archive.with_name("root")
    argv = ["debootstrap", "--variant=minbase", "--include=ca-certificates", DEBIAN_SUITE, str(root)]
    argv += [mirrors.main] if mirrors.main is not None else []
    call = Command(contained(argv), log=log, timeout_s=DEBOOTSTRAP_TIMEOUT_S, live=True, name="debootstrap")
    run_command(call)
    slim_root(root)
    with tarfile.open(archive, "w") as tar:
        tar.add(root, arcname=".", filter=_normalised)
    shutil.rmtree(root)


def slim_root(root: Path) -> None:
    """Remove documentation, caches and traces of this machine; drop setuid bits, since nothing changes user."""
    for name in ROOT_WITHOUT:
        path = root / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    for folder in ("var/log", "var/cache/apt/archives/partial", "var/lib/apt/lists/partial"):
        (root / folder).mkdir(parents=True)
    for path in (root / "usr/share/doc").rglob("*"):
        if path.is_file() and path.name != "copyright":
            path.unlink()
    for path in root.rglob("*"):
        if not path.is_symlink() and path.is_file() and path.stat().st_mode & 0o6000:
            path.chmod(path.stat().st_mode & 0o1777)


def _normalised(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    # Device files cannot be made in every build, and runtimes bring their own /dev.
    if not (member.isfile() or member.isdir() or member.issym() or member.islnk()):
        return None
    member.mtime = 0
    member.uname = member.gname = ""
    return member
