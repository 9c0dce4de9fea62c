"""Where a service listens: defaults, and a message that names the setting that is wrong."""

import pytest

from agents.runtime.errors import SettingsError
from agents.runtime.web.settings import WebSettings


def test_settings_have_the_documented_defaults() -> None:
    assert WebSettings.from_environ({}) == WebSettings("0.0.0.0", 8080, 2.0)  # noqa: S104 - a pod's own address


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"CRYO_BIND": "8080"}, "CRYO_BIND is '8080'"),
        ({"CRYO_BIND": "h:0"}, "CRYO_BIND is 'h:0'"),
        ({"CRYO_DRAIN_S": "soon"}, "CRYO_DRAIN_S is 'soon'"),
        ({"CRYO_DRAIN_S": "601"}, "CRYO_DRAIN_S is '601'"),
    ],
)
def test_bad_setting_is_named(environ: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        WebSettings.from_environ(environ)


def test_ipv6_address_loses_its_brackets() -> None:
    assert WebSettings.from_environ({"CRYO_BIND": "[::1]:9000"}).host == "::1"
