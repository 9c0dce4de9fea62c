from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from infra.schema import main, render_schema, stale_files

ROOT = Path(__file__).parents[3]


@pytest.fixture
def copy(tmp_path):
    """The generated files and what they are made from, to break on purpose."""
    shutil.copytree(ROOT / "environments", tmp_path / "environments")
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs/environments.md", tmp_path / "docs/environments.md")
    return tmp_path


def properties(schema):
    """Yield every property with its schema."""
    for owner in (schema, *schema["$defs"].values()):
        yield from owner.get("properties", {}).items()


def described(field, schema):
    reference = field.get("$ref", "").rsplit("/", maxsplit=1)[-1]
    return field.get("description") or schema["$defs"].get(reference, {}).get("description")


def test_schema_and_reference_are_up_to_date():
    assert stale_files(ROOT) == [], "run `python -m infra.schema`"


def test_every_setting_has_a_description():
    schema = json.loads(render_schema())

    assert [key for key, field in properties(schema) if not described(field, schema)] == []


def test_every_setting_of_the_schema_is_on_the_page():
    schema = json.loads(render_schema())
    page = (ROOT / "docs/environments.md").read_text("utf-8")

    sections = {field.get("$ref", "").rsplit("/", maxsplit=1)[-1] for _, field in properties(schema)}
    leaves = [key for key, field in properties(schema) if "$ref" not in field]
    assert sections
    assert [key for key in leaves if f"{key}`" not in page] == []


def test_every_setting_of_the_environment_files_is_on_the_page():
    page = (ROOT / "docs/environments.md").read_text("utf-8")

    for key in ("apps.model-server.active", "apps.model-server.slots.green.image", "gateway.drain.grace_s"):
        assert f"| `{key}` |" in page


def test_a_stacks_file_may_leave_settings_out():
    schema = json.loads(render_schema())

    assert "required" not in schema
    assert all("required" not in section for section in schema["$defs"].values())
    assert schema["additionalProperties"] is False


def test_a_stale_file_is_named_and_fails_the_check(copy, capsys):
    (copy / "environments/schema.json").write_text("{}", encoding="utf-8")

    assert main(["--check"], root=copy) == 70
    assert capsys.readouterr().err == "environments/schema.json is stale; run `python -m infra.schema`\n"


def test_a_changed_default_makes_the_page_stale(copy):
    base = copy / "environments/base.yaml"
    base.write_text(base.read_text("utf-8").replace("startup_s: 120", "startup_s: 121"), encoding="utf-8")

    assert stale_files(copy) == [copy / "docs/environments.md"]


def test_writing_makes_the_check_pass(copy, capsys):
    (copy / "docs/environments.md").unlink()

    assert main([], root=copy) == 0
    assert main(["--check"], root=copy) == 0
    assert "wrote docs/environments.md" in capsys.readouterr().out


def test_an_unknown_argument_is_wrong_usage(copy):
    assert main(["--write"], root=copy) == 2


def test_template_holds_names_and_no_values():
    lines = (ROOT / "environments/env.template").read_text("utf-8").splitlines()

    settings = [line for line in lines if line and not line.startswith("#")]
    assert settings
    assert all(line.endswith("=") for line in settings)
