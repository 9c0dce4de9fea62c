"""Settings of the service: their defaults, and a message that names the one that is wrong."""

import pytest

from agents.flags.settings import CacheSettings
from agents.runtime.errors import SettingsError


def test_settings_have_the_documented_defaults() -> None:
    assert CacheSettings.from_environ({}) == CacheSettings(5.0, 300.0)


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"CRYO_FLAGS_REFRESH_S": "nan"}, "CRYO_FLAGS_REFRESH_S is 'nan'"),
        ({"CRYO_FLAGS_REFRESH_S": "0"}, "CRYO_FLAGS_REFRESH_S is '0'"),
        ({"CRYO_FLAGS_MAX_STALE_S": "1e9"}, "CRYO_FLAGS_MAX_STALE_S is '1e9'"),
        ({"CRYO_FLAGS_MAX_STALE_S": "5"}, "too old before they are read again"),
    ],
)
def test_bad_setting_is_named(environ: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        CacheSettings.from_environ(environ)
