"""The repository checks itself: what its documents promise, its files keep."""

import ast
import importlib
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("agents", "alerts", "cryo", "dashboards", "infra", "model_server", "toolchain")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
TRACKED = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
MAKE_TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_make_target_in_a_document_exists(document):
    commands = re.findall(r"^\s*make ([a-z]+)|`make ([a-z]+)", document.read_text(), flags=re.MULTILINE)

    assert {first or second for first, second in commands} <= MAKE_TARGETS


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_link_of_a_document_leads_to_a_file(document):
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text())

    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_path_named_in_a_document_is_there(document):
    roots = "|".join((*PACKAGES, "tests", "bench", "docs", "environments", "migrations", "images"))
    paths = re.findall(rf"`((?:{roots})/[\w./-]*\w)`", document.read_text())
    missing = [path for path in paths if not list(ROOT.glob(path)) and not list(ROOT.glob(f"{path}.py"))]

    assert missing == []


def test_every_make_target_is_explained():
    explained = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))

    assert explained == MAKE_TARGETS


def test_ci_runs_the_command_that_the_readme_gives():
    assert "make test" in (ROOT / "README.md").read_text()
    assert "make test" in (ROOT / ".ci" / "run").read_text()


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_module_is_small_and_its_functions_are_short(module):
    source = module.read_text()
    functions = [
        node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]

    assert source.count("\n") <= 300
    assert [node.name for node in functions if (node.end_lineno or 0) - node.lineno > 50] == []


def test_modules_are_named_for_what_they_know():
    forbidden = {"utils", "util", "helpers", "helper", "common", "manager", "misc", "blue", "green"}
    named = [path for path in MODULES if path.stem in forbidden or re.search(r"_(v\d|new|fixed|improved)$", path.stem)]

    assert named == []


def test_main_modules_only_wire():
    long = [name_of(path) for path in MODULES if path.name == "__main__.py" and path.read_text().count("\n") > 60]

    assert long == []


def test_no_module_reads_the_environment_while_it_is_imported():

    def calls_at_import(tree: ast.Module) -> list[str]:
        top = [node for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign | ast.Expr)]
        return [ast.unparse(call) for node in top for call in ast.walk(node) if isinstance(call, ast.Call)]

    found = {
        name_of(path): call
        for path in MODULES
        for call in calls_at_import(ast.parse(path.read_text()))
        if "os.environ" in call or "getenv" in call
    }

    assert found == {}


@pytest.mark.parametrize(
    "module", ["agents.runtime.errors", "cryo.errors", "infra.errors", "model_server.errors", "toolchain.errors"]
)
def test_every_package_has_one_permanent_and_one_temporary_root_error(module):
    found = importlib.import_module(module)
    classes = [value for value in vars(found).values() if isinstance(value, type) and value.__module__ == module]
    codes = {cls.__name__: cls.exit_code for cls in classes if hasattr(cls, "exit_code")}

    assert set(codes.values()) == {70, 75}
    assert all(code == 70 for name, code in codes.items() if name.startswith("Permanent"))
    assert all(code == 75 for name, code in codes.items() if name.startswith("Temporary"))


def test_no_program_of_the_virtual_environment_is_looked_for_on_path():
    """`make up` puts nothing on PATH: where uv was installed by chance nobody noticed that images needed it there."""
    bare = re.compile(r"""[\[(]\s*["'](uv|pip|pytest|ruff|mypy|squawk|granian)["'],""")

    assert [name_of(path) for path in MODULES if bare.search(path.read_text(encoding="utf-8"))] == []


def test_no_data_file_of_a_data_set_is_in_the_repository():
    data = [path for path in TRACKED if path.endswith((".csv", ".tsv", ".parquet", ".xlsx"))]

    assert data == []


def test_no_tracked_file_is_large():
    """The released model is the largest file that belongs here."""
    large = {path: (ROOT / path).stat().st_size for path in TRACKED if (ROOT / path).is_file()}

    assert {path: size for path, size in large.items() if size > 2_000_000} == {}


def test_every_dependency_says_why_it_is_there():
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    project = tomllib.loads("\n".join(lines))
    groups = [project["project"]["dependencies"], *project["dependency-groups"].values()]
    entries = [entry for group in groups for entry in group if isinstance(entry, str)]
    names = {re.split(r"[\[<>=]", entry)[0] for entry in entries}
    reasoned = {match[1] for line in lines if (match := re.match(r'\s*"([\w-]+)[^"]*",\s*#', line))}

    assert sorted(names - reasoned - {"types-psutil", "types-pyyaml", "types-requests"}) == []


def test_every_python_package_in_the_lock_has_a_hash():
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    unhashed = [
        package["name"]
        for package in lock["package"]
        if "registry" in package["source"] and not all("hash" in wheel for wheel in package.get("wheels", []))
    ]

    assert unhashed == []


def test_every_decision_has_the_four_parts():
    for path in sorted((ROOT / "docs" / "adr").glob("*.md")):
        text = path.read_text()
        assert re.match(rf"# {path.name[:4]} ", text), path.name
        for part in ("## Context", "## Decision", "## Consequences", "Status:"):
            assert part in text, f"{path.name}: {part}"


def test_pre_commit_runs_what_make_check_runs():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    check = (ROOT / "Makefile").read_text().split("check:")[1].split("\n\n")[0]

    for hook in hooks:
        program = hook["entry"].split()[0].removeprefix(".venv/bin/")
        assert program in check


def test_no_file_names_a_machine_path():
    pattern = re.compile(r"/(?:work|root|home)/\w+")
    texts = [
        path
        for path in TRACKED
        if path.endswith((".py", ".md", ".toml", ".yaml", ".sh")) and "test_repository" not in path
    ]
    found = {path: match[0] for path in texts if (match := pattern.search((ROOT / path).read_text()))}

    assert found == {}
