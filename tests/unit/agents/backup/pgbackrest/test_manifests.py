import pytest

from agents.backup.errors import SetDamagedError
from agents.backup.pgbackrest.manifests import find_unequal_copies

LABEL = "20261124-150000F"
WHOLE = f'[backup]\nbackup-label="{LABEL}"\n'


def look(**changes: str | None) -> list[str]:
    def read(path: str, _repository: int) -> str:
        name = path.rsplit("/", 1)[1].replace(".", "_")
        text = changes.get(name, WHOLE if "manifest" in path else "info")
        if text is None:
            message = "unable to open missing file"
            raise SetDamagedError(message)
        return text

    found = find_unequal_copies(read, "main", [LABEL], repository=1)
    return [f"{each.label}: {each.object}: {each.problem}" for each in found]


def test_equal_copies_are_no_damage() -> None:
    assert look() == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"backup_manifest_copy": WHOLE + "x"}, "differs from its copy"),
        ({"backup_manifest_copy": None}, "cannot be read"),
        ({"backup_info": "other"}, "None: backup/main/backup.info: differs from its copy"),
    ],
)
def test_one_damaged_copy_is_told_although_the_other_is_whole(changes, told) -> None:
    (found,) = look(**changes)

    assert told in found


def test_an_older_set_under_a_newer_name_is_told() -> None:
    older = WHOLE.replace("20261124", "20261117")

    (found,) = look(backup_manifest=older, backup_manifest_copy=older)

    assert found == (
        f"{LABEL}: backup/main/{LABEL}/backup.manifest: is the manifest of 20261117-150000F; the set was replaced"
    )
