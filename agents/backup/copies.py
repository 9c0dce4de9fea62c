"""A second copy of a dump in another store: made object by object, the manifest last, and compared by what was read."""

from collections.abc import Sequence
from pathlib import Path

from agents.backup.engine import Damage, Done, Progress
from agents.backup.errors import SetUnknownError
from agents.backup.instance import private_folder
from agents.backup.logical_sets import SetReader
from agents.backup.manifest import MANIFEST_FILE


def copy_set(label: str, near: SetReader, far: SetReader, scratch: Path, *, progress: Progress) -> None:
    """Copy a set, checking every object against its manifest on the way.

    Raises:
        SetDamagedError: the near copy is damaged; the far one has no manifest then and counts for nothing.
    """
    manifest = near.open(label)
    total, done = sum(file.size_bytes for file in manifest.files.values()), 0
    with private_folder(scratch) as folder:
        fetched = folder / "object"
        for path, file in sorted(manifest.files.items()):
            near.fetch(manifest, path, fetched)
            far.put(label, path, fetched)
            done += file.size_bytes
            progress(Done("copy", done, total))
        fetched.write_bytes(near.read_manifest(label))
        far.put(label, MANIFEST_FILE, fetched)


def compare_copies(label: str, near: SetReader, far: SetReader, scratch: Path) -> Sequence[str]:
    """Return what is wrong with the far copy; equal manifests mean equal lists of files, and those are read."""
    try:
        if far.read_manifest(label) != near.read_manifest(label):
            return (f"far {far.key(label, MANIFEST_FILE)}: is another one than the near copy's",)
    except SetUnknownError:
        return (f"far {far.key(label, MANIFEST_FILE)}: there is no copy of the set",)
    damages: Sequence[Damage] = far.find_damage(label, scratch, None)
    return tuple(f"far {damage.object}: {damage.problem}" for damage in damages)
