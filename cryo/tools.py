"""Which pinned tools a command needs, and the variables with which `pulumi` and `kubectl` find them."""

import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryo.settings import ClusterKind, Settings
from toolchain.build import build_tools
from toolchain.pins import read_tools, select_tools
from toolchain.process import Command, run_command

# Since this version a failing after-hook fails the update (Pulumi's changelog); releases will rely on it.
PULUMI_MINIMUM = (3, 238, 0)
PROVIDER = "pulumi-resource-kubernetes"
PROVIDER_VERSION = "4.27.0"
"""Version of the Python package pulumi-kubernetes in uv.lock, and of the provider that the toolchain builds."""


@dataclass(frozen=True, slots=True)
class Tools:
    """Folders of the tools by name; Pulumi is absent when the one on PATH is used."""

    folders: Mapping[str, Path]

    def program(self, tool: str, output: str) -> Path:
        """Path of one program."""
        return self.folders[tool] / "bin" / output

    @property
    def kubectl(self) -> tuple[str, ...]:
        """The client that was built, or else the one on PATH."""
        return (str(self.program("kube", "kube")), "kubectl") if "kube" in self.folders else ("kubectl",)

    @property
    def search_path(self) -> tuple[Path, ...]:
        """Folders that hold programs for a shell; Pulumi finds its provider in its own plugin folder."""
        folders = (folder / "bin" for name, folder in self.folders.items() if name != PROVIDER)
        return tuple(folder for folder in folders if folder.exists())


def parse_pulumi_version(text: str) -> tuple[int, int, int] | None:
    """Version in the output of `pulumi version`; None when there is none."""
    match = re.match(r"v?(\d+)\.(\d+)\.(\d+)", text.strip())
    return None if match is None else (int(match[1]), int(match[2]), int(match[3]))


def is_usable_pulumi(version: tuple[int, int, int] | None, plugins: frozenset[str]) -> bool:
    """True when a Pulumi found on PATH can run our program: new enough, with the Kubernetes provider."""
    return version is not None and version >= PULUMI_MINIMUM and "kubernetes" in plugins


def has_own_pulumi(log: Path) -> bool:
    """True when the user's Pulumi on PATH is used instead of a built one."""
    pulumi = shutil.which("pulumi")
    if pulumi is None or shutil.which("pulumi-language-python") is None:
        return False
    version = parse_pulumi_version(run_command(Command((pulumi, "version"), log, timeout_s=30)))
    listing = json.loads(run_command(Command((pulumi, "plugin", "ls", "--json"), log, timeout_s=60)))
    names = {entry["name"] for entry in listing}
    if shutil.which("pulumi-resource-kubernetes") is not None:
        names.add("kubernetes")
    return is_usable_pulumi(version, frozenset(names))


def needs_of(kind: ClusterKind, *, own_pulumi: bool) -> frozenset[str]:
    """What tools.toml calls the needs of a cluster kind."""
    return frozenset({kind.value}) if own_pulumi else frozenset({kind.value, "pulumi"})


def get_tools(settings: Settings, report: Callable[[str], None]) -> Tools:
    """Have all tools of this cluster kind, building what is missing."""
    log = settings.cache / "toolchain" / "build.log"
    tools = select_tools(read_tools(), needs_of(settings.cluster, own_pulumi=has_own_pulumi(log)))
    folders = build_tools(tools, settings.cache, report)
    return Tools({tool.name: folder for tool, folder in zip(tools, folders, strict=True)})


def link_provider(settings: Settings, tools: Tools) -> None:
    """Put the provider where Pulumi installs plugins: one that it finds on PATH makes every command warn."""
    if PROVIDER not in tools.folders:
        return
    program = tools.program(PROVIDER, PROVIDER)
    link = settings.pulumi_home / "home" / "plugins" / f"resource-kubernetes-v{PROVIDER_VERSION}" / PROVIDER
    if link.is_symlink() and link.readlink() == program:
        return
    link.parent.mkdir(parents=True, exist_ok=True)
    temporary = link.with_name(f".{link.name}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(program)
    temporary.replace(link)


def kubeconfig_of(settings: Settings) -> str:
    """Path of the kubeconfig that commands use."""
    if settings.cluster is ClusterKind.EMBEDDED:
        return str(settings.home / "cluster" / "admin.conf")
    if settings.cluster is ClusterKind.KIND:
        return str(settings.home / "kind" / "kubeconfig")
    return os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")


def tool_variables(settings: Settings, tools: Tools, python: Path) -> dict[str, str]:
    """Variables that make `pulumi up` and `kubectl` work in a shell.

    Args:
        settings: where things are.
        tools: which tools were built.
        python: the interpreter of the project's environment; the language host takes `python3` from PATH.
    """
    path = [str(python.parent), *map(str, tools.search_path), os.environ.get("PATH", "")]
    variables = {
        "PATH": ":".join(path),
        "KUBECONFIG": kubeconfig_of(settings),
        "CRYO_IMAGES_INDEX": str(settings.images_index),
        "PULUMI_HOME": str(settings.pulumi_home / "home"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_BACKEND_URL": os.environ.get("PULUMI_BACKEND_URL") or f"file://{settings.pulumi_home / 'state'}",
    }
    if not os.environ.get("PULUMI_CONFIG_PASSPHRASE") and not os.environ.get("PULUMI_CONFIG_PASSPHRASE_FILE"):
        variables["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(settings.pulumi_home / "passphrase")
    return variables
