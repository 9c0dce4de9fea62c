"""Settings of the agent: defaults, and a message that names the one that is wrong."""

import pytest

from agents.oncall.settings import OncallSettings
from agents.runtime.errors import SettingsError

KEY = {"CRYO_ONCALL_LINK_KEY_FILE": "/run/key"}
MAIL = {"CRYO_ONCALL_SMTP_HOST": "mail", "CRYO_ONCALL_SMTP_SENDER": "oncall@example.org"}


def test_without_channels_there_is_none_and_mail_is_encrypted_by_default() -> None:
    assert OncallSettings.from_environ(KEY).configured == frozenset()
    settings = OncallSettings.from_environ({**KEY, **MAIL})
    assert settings.smtp is not None
    assert (settings.smtp.port, settings.smtp.encryption, settings.configured) == (587, "starttls", {"email"})


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"CRYO_ONCALL_LINK_KEY_FILE": ""}, "CRYO_ONCALL_LINK_KEY_FILE is not set"),
        ({"CRYO_ONCALL_SMTP_HOST": "mail"}, "CRYO_ONCALL_SMTP_SENDER is ''"),
        ({**MAIL, "CRYO_ONCALL_SMTP_PORT": "0"}, "CRYO_ONCALL_SMTP_PORT is '0'"),
        ({**MAIL, "CRYO_ONCALL_SMTP_ENCRYPTION": "ssl"}, "CRYO_ONCALL_SMTP_ENCRYPTION is 'ssl'"),
        ({**MAIL, "CRYO_ONCALL_SMTP_USER": "u"}, "belong together"),
        (
            {
                **MAIL,
                "CRYO_ONCALL_SMTP_USER": "u",
                "CRYO_ONCALL_SMTP_PASSWORD_FILE": "/p",
                "CRYO_ONCALL_SMTP_ENCRYPTION": "none",
            },
            "is none and there is a password",
        ),
        ({"CRYO_ONCALL_PUBLIC_URL": "example.org"}, "CRYO_ONCALL_PUBLIC_URL is 'example.org'"),
        ({"CRYO_ONCALL_HEARTBEAT_S": "soon"}, "CRYO_ONCALL_HEARTBEAT_S is 'soon'"),
        ({"CRYO_ONCALL_LEASE_S": "5"}, "sent twice; raise the first"),
    ],
)
def test_bad_setting_is_named(environ, told) -> None:
    with pytest.raises(SettingsError, match=told):
        OncallSettings.from_environ({**KEY, **environ})


def test_short_key_is_refused(tmp_path) -> None:
    path = tmp_path / "key"
    path.write_text("k" * 31)

    with pytest.raises(SettingsError, match="shorter than 32"):
        OncallSettings.from_environ({"CRYO_ONCALL_LINK_KEY_FILE": str(path)}).read_keys()
