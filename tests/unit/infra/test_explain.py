from pathlib import Path

import pytest

from infra.errors import ConfigError
from infra.explain import explain_settings

ENVIRONMENTS = Path(__file__).parents[3] / "environments"


def test_a_setting_is_explained_with_the_lines_that_say_it_and_the_last_counts():
    (found,) = explain_settings(ENVIRONMENTS, "local", "apps.model-server.active")

    files = [place.split(":")[0] for place in found.places]
    assert files == ["environments/base.yaml", "environments/local.yaml"]
    lines = (ENVIRONMENTS / "local.yaml").read_text().splitlines()
    _, line, value = found.places[-1].split(":")
    assert lines[int(line) - 1].strip().startswith(f"active: {value.strip().strip(chr(34))}")
    assert "Colour that receives traffic" in str(found)


def test_a_section_explains_everything_below_it():
    keys = [each.key for each in explain_settings(ENVIRONMENTS, "local", "flags")]

    assert "flags.enabled" in keys
    assert all(key.startswith("flags.") for key in keys)


def test_an_unknown_setting_names_what_is_near():
    with pytest.raises(ConfigError, match=r"no such setting; near it: apps\.model-server\.active"):
        explain_settings(ENVIRONMENTS, "local", "apps.model-server.activ")
