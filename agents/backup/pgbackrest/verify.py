"""What `pgbackrest verify` found, read from its text; pure.

Its exit code is 0 on corruption (pgbackrest#2502), it names damaged files only in its log, and it calls sets valid
whose parents are damaged (2.55.1, measured): the log is read, and damage is handed on to every set that builds on it.
"""

import re
from collections.abc import Mapping

from agents.backup.engine import BackupSet, Damage
from agents.backup.errors import EngineFailedError

_STATUS = re.compile(r"^\s*status: (?P<status>ok|error)\b.*$", re.MULTILINE)
_SET = re.compile(
    r"backup: (?P<label>\S+), status: (?P<status>[a-z ]+?), total files checked: \d+, total valid files: \d+"
)
_ARCHIVE = re.compile(r"archiveId: (?P<id>\S+), total WAL checked: (?P<checked>\d+), total valid WAL: (?P<valid>\d+)")
_FILE = re.compile(
    r"INFO: (?:(?P<problem>invalid checksum|invalid size|file missing|invalid verify|missing file) '(?P<file>[^']+)'"
    r"|invalid result (?P<other>\S+): (?P<why>.*))"
)
_BROKEN_MANIFEST = re.compile(r"(?:INFO|WARN|ERROR): (?P<why>.*\b(?:backup\.manifest|backup\.info|archive\.info)\b.*)")
_LABEL = re.compile(r"(?P<label>\d{8}-\d{6}F(?:_\d{8}-\d{6}[DI])?)")
_VALID = ("valid",)


def parse_verify(text: str, sets: Mapping[str, BackupSet], *, repository: int) -> list[Damage]:
    """Return every damaged object.

    Args:
        text: output with --output=text --verbose and log level info.
        sets: what the repository lists, by label.
        repository: its number.

    Raises:
        EngineFailedError: the text has no verdict, so it proves nothing.
    """
    verdict = _STATUS.search(text)
    if verdict is None:
        message = f"pgbackrest verify of repository {repository} ended without a verdict; run it again and read its log"
        raise EngineFailedError(message)
    found: dict[str, Damage] = {}
    for line in _FILE.finditer(text):
        name = (line["file"] or line["other"]).rstrip(":")
        label = _LABEL.match(name)
        problem = line["problem"] or line["why"]
        found.setdefault(name, Damage(name, problem, label["label"] if label else None, repository))
    for line in _BROKEN_MANIFEST.finditer(text):
        label = _LABEL.search(line["why"])
        if label is not None:
            name = f"{label['label']}/backup.manifest"
            found.setdefault(name, Damage(name, line["why"].strip(), label["label"], repository))
    checked = _SET.findall(text)
    for label, status in checked:
        if status not in _VALID and not any(damage.label == label for damage in found.values()):
            found[label] = Damage(label, f"verify calls it {status}", label, repository)
    for archive, counted, valid in _ARCHIVE.findall(text):
        if counted != valid and not any(damage.object.startswith(f"{archive}/") for damage in found.values()):
            found[archive] = Damage(archive, f"{int(counted) - int(valid)} WAL segments are invalid", None, repository)
    if verdict["status"] == "error" and not found:
        found["repository"] = Damage(f"repository {repository}", "verify reports an error", None, repository)
    return [*found.values(), *_dependents(list(found.values()), sets, repository)]


def _dependents(damages: list[Damage], sets: Mapping[str, BackupSet], repository: int) -> list[Damage]:
    broken = {damage.label for damage in damages if damage.label is not None}
    found = []
    for label, backup in sets.items():
        needed = next((each for each in (*backup.references, backup.parent) if each in broken), None)
        if needed is not None and label not in broken:
            found.append(Damage(label, f"builds on {needed}, which is damaged", label, repository))
    return found
