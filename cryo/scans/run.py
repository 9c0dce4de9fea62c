"""Runs the scanners on a checkout; each is pinned by tools.toml or uv.lock."""

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryo.errors import PermanentCryoError
from cryo.scans.verdict import Verdict, judge_actionlint, judge_gitleaks, judge_pip_audit, judge_zizmor
from toolchain.build import build_tools
from toolchain.pins import read_tools, select_tools
from toolchain.process import Command, own_program, run_command

Report = Callable[[str], None]
# Cited: exit status of each program when it worked and objects to something (actionlint's and pip-audit's manuals,
# zizmor's "exit codes" page; gitleaks takes it as an argument, so that a broken run is told from a leak).
_ACTIONLINT_FOUND = 1
_ZIZMOR_FOUND = (11, 12, 13, 14)
_GITLEAKS_FOUND = 9
_PIP_AUDIT_FOUND = 1
_TIMEOUT_S = 600
_ZIZMOR = ("--offline", "--no-progress", "--config", ".github/zizmor.yml", "--strict-collection")
_ZIZMOR_STRICTEST = ("--persona", "auditor", "--format", "json-v1")


@dataclass(frozen=True, slots=True)
class Place:
    """What is scanned and with what.

    Attributes:
        root: the checkout.
        cache: where built tools are kept.
        logs: folder that keeps what each program printed last.
        scratch: folder for files that only this run needs.
        report: told progress.
    """

    root: Path
    cache: Path
    logs: Path
    scratch: Path
    report: Report

    def workflows(self) -> list[Path]:
        """Workflow files, which are scripts that the host runs with our rights."""
        folder = self.root / ".github" / "workflows"
        return sorted(path.relative_to(self.root) for path in folder.glob("*.y*ml"))

    def program(self, name: str) -> str:
        """Path of a pinned Go program, built when it is missing."""
        tools = select_tools(read_tools(), frozenset({"scans"}))
        wanted = tuple(tool for tool in tools if tool.name == name)
        return str(build_tools(wanted, self.cache, self.report)[0] / "bin" / name)

    def run(self, *argv: str, good_exits: tuple[int, ...]) -> tuple[str, str]:
        """Run a scanner; returns its standard output and its standard error."""
        log = self.logs / f"{Path(argv[0]).name}-{os.getpid()}.log"
        path = f"{Path(own_program('python')).parent}:{os.environ.get('PATH', '')}"
        # Progress bars and colours depend on the terminal; parsers must not.
        environment = {**os.environ, "PATH": path, "NO_COLOR": "1"}
        command = Command(argv, log, cwd=self.root, env=environment, timeout_s=_TIMEOUT_S, good_exits=(0, *good_exits))
        printed = run_command(command)
        text = log.read_text(encoding="utf-8")
        log.unlink()  # A program that broke has raised before, and its log stays.
        return printed, text


def scan_workflows(place: Place) -> tuple[Verdict, ...]:
    """Ask actionlint for mistakes, zizmor in its strictest persona for what a stranger could do."""
    files = place.workflows()
    if not files:
        message = f"{place.root}/.github/workflows: holds no workflow, so nothing was looked at"
        raise PermanentCryoError(message)
    argv = (place.program("actionlint"), "-no-color", "-format", "{{json .}}", *map(str, files))
    printed, _ = place.run(*argv, good_exits=(_ACTIONLINT_FOUND,))
    mistakes = judge_actionlint(printed, files)
    others = place.root.glob(".github/dependabot.yml")
    read = [*files, *(path.relative_to(place.root) for path in others)]
    printed, log = place.run(
        own_program("zizmor"), *_ZIZMOR, *_ZIZMOR_STRICTEST, *map(str, read), good_exits=_ZIZMOR_FOUND
    )
    return mistakes, judge_zizmor(printed, log, read)


def scan_secrets(place: Place) -> tuple[Verdict, ...]:
    """Gitleaks over every commit of every branch."""
    if (place.root / ".git" / "shallow").exists():
        message = (
            f"{place.root}: a shallow clone, so earlier commits would not be looked at; fetch them (fetch-depth: 0)"
        )
        raise PermanentCryoError(message)
    report = place.scratch / "gitleaks.json"
    argv = (place.program("gitleaks"), "git", "--no-banner", "--no-color", "--redact", f"--exit-code={_GITLEAKS_FOUND}")
    options = ("--report-format=json", f"--report-path={report}", "--log-opts=--all", str(place.root))
    _, log = place.run(*argv, *options, good_exits=(_GITLEAKS_FOUND,))
    return (judge_gitleaks(report.read_text(encoding="utf-8"), log),)


def scan_packages(place: Place) -> tuple[Verdict, ...]:
    """pip-audit over every version in uv.lock, with all groups."""
    requirements = place.scratch / "requirements.txt"
    export = ("export", "--quiet", "--frozen", "--all-groups", "--no-emit-project", "--output-file", str(requirements))
    place.run(own_program("uv"), *export, good_exits=())
    options = ("--disable-pip", "--require-hashes", "--progress-spinner=off", "--format=json")
    argv = (own_program("pip-audit"), "--requirement", str(requirements), *options)
    printed, _ = place.run(*argv, good_exits=(_PIP_AUDIT_FOUND,))
    return (judge_pip_audit(printed),)


SCANS: dict[str, Callable[[Place], tuple[Verdict, ...]]] = {
    "workflows": scan_workflows,
    "secrets": scan_secrets,
    "packages": scan_packages,
}


def run_scans(names: tuple[str, ...], root: Path, cache: Path, report: Report) -> tuple[Verdict, ...]:
    """Run scans one after the other.

    Args:
        names: keys of SCANS.
        root: the checkout.
        cache: where built tools are kept.
        report: told progress.

    Raises:
        PermanentCryoError: a scanner looked at nothing or answered in an unknown form.
        TemporaryCryoError: a source of advisories could not be reached.
        ToolchainError: a scanner could not be built or broke.
    """
    verdicts: list[Verdict] = []
    with tempfile.TemporaryDirectory(prefix="cryo-scan-") as scratch:
        place = Place(root, cache, cache / "scans", Path(scratch), report)
        for name in names:
            for verdict in SCANS[name](place):
                report(str(verdict))
                verdicts.append(verdict)
    return tuple(verdicts)
