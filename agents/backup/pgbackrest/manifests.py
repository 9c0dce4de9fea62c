"""Whether both copies of each manifest and info file are equal: the whole one hides a damaged copy (measured).

And whether each manifest is of the set that it lies in: verify calls an older set under a newer name valid (measured).
"""

import re
from collections.abc import Callable, Iterable

from agents.backup.engine import Damage
from agents.backup.errors import BackupError

_LABEL = re.compile(r'^backup-label="(?P<label>[^"]+)"$', re.MULTILINE)


def find_unequal_copies(
    read: Callable[[str, int], str], stanza: str, labels: Iterable[str], *, repository: int
) -> list[Damage]:
    """Compare every file that the repository keeps twice.

    Args:
        read: returns the decrypted text of a file of a repository, and raises BackupError where it cannot.
        stanza: whose files.
        labels: sets whose manifests are compared.
        repository: its number.
    """
    files: list[tuple[str, str | None]] = [
        (f"archive/{stanza}/archive.info", None),
        (f"backup/{stanza}/backup.info", None),
        *((f"backup/{stanza}/{label}/backup.manifest", label) for label in labels),
    ]
    found: list[Damage] = []
    for path, label in files:
        texts: dict[str, str] = {}
        for copy in (path, f"{path}.copy"):
            try:
                texts[copy] = read(copy, repository)
            except BackupError as error:
                found.append(Damage(copy, f"cannot be read: {error}", label, repository))
        # backup.manifest and its copy are written from the same bytes; so are the info files.
        if len(set(texts.values())) > 1:
            found.append(Damage(path, "differs from its copy", label, repository))
        told = {match["label"] for text in texts.values() for match in _LABEL.finditer(text)}
        if label is not None and texts and told != {label}:
            other = ", ".join(sorted(told)) or "no set"
            found.append(Damage(path, f"is the manifest of {other}; the set was replaced", label, repository))
    return found
