from pathlib import Path

import pytest

from model_server.errors import SettingInvalidError
from model_server.registry.folder import WantedModel
from model_server.serve.settings import RELEASED_DIR, ServeSettings


def test_empty_environment_serves_the_shipped_tg_model_on_8080():
    settings = ServeSettings.from_environment({"CRYO_COLOUR": " "})

    assert settings == ServeSettings()
    assert (settings.host, settings.port, settings.workers) == ("0.0.0.0", 8080, 1)  # noqa: S104 - the default under test
    assert settings.models_dir == RELEASED_DIR
    assert settings.wanted == (WantedModel("tg"),)


def test_every_variable_is_read():
    settings = ServeSettings.from_environment(
        {
            "CRYO_BIND": "[::1]:9000",
            "CRYO_COLOUR": "green",
            "CRYO_VERSION": "1.4.0-rc.1",
            "CRYO_MODELS_DIR": "/models",
            "CRYO_MODELS": "tg@1.0.0, iri",
            "CRYO_WORKERS": "2",
            "CRYO_DRAIN_S": "7.5",
        }
    )

    assert settings == ServeSettings(
        "::1", 9000, "green", "1.4.0-rc.1", Path("/models"), (WantedModel("tg", "1.0.0"), WantedModel("iri")), 2, 7.5
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CRYO_BIND", "8080"),
        ("CRYO_BIND", "localhost:0"),
        ("CRYO_BIND", "localhost:70000"),
        ("CRYO_COLOUR", "blue\r\nset-cookie: x"),
        ("CRYO_COLOUR", "x" * 64),
        ("CRYO_VERSION", "v 1"),
        ("CRYO_MODELS", "tg,tg@1.0.0"),
        ("CRYO_MODELS", "tg,"),
        ("CRYO_WORKERS", "0"),
        ("CRYO_WORKERS", "many"),
        ("CRYO_DRAIN_S", "-1"),
        ("CRYO_DRAIN_S", "nan"),
        ("CRYO_DRAIN_S", "3600"),
    ],
)
def test_value_outside_its_range_is_refused_by_variable(name, value):
    with pytest.raises(SettingInvalidError, match=name) as caught:
        ServeSettings.from_environment({name: value})

    assert caught.value.exit_code == 70
