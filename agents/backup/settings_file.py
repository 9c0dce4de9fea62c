"""Reads the one JSON file that says what an agent of backups is to do."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import msgspec

from agents.backup.errors import SettingsInvalidError

Form = TypeVar("Form")


def read_settings_file(environ: Mapping[str, str], variable: str, form: type[Form], *, tells: str) -> Form:
    """Read the file that a variable names.

    Args:
        environ: the process's environment.
        variable: its name.
        form: type of the content.
        tells: what the file is for, such as "where backups are".

    Raises:
        SettingsInvalidError: the variable is not set, or the file is missing or wrong; the message says where.
    """
    path = environ.get(variable, "")
    if not path:
        message = f"{variable} is not set; name the JSON file that says {tells} (docs/backup.md)"
        raise SettingsInvalidError(message)
    try:
        return msgspec.json.decode(Path(path).read_bytes(), type=form)
    except OSError as error:
        message = f"{variable}: {path} cannot be read ({type(error).__name__}); mount it there"
        raise SettingsInvalidError(message) from error
    except msgspec.DecodeError as error:
        message = f"{path}: {error}; docs/backup.md explains each key"
        raise SettingsInvalidError(message) from error
