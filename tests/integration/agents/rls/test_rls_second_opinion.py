"""pgrls, a linter of another author, run as a process against the planted database."""

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

HERE = Path(__file__).parent
PGRLS = Path(sys.executable).with_name("pgrls")


def lint(cluster, database: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    password = cluster.password_file.read_text(encoding="utf-8").strip()
    url = f"postgresql://postgres:{password}@127.0.0.1:{cluster.port}/{database}"
    command = [str(PGRLS), "lint", "--database-url", url, "--schemas", "public,private", "--format", "json"]
    return subprocess.run([*command, "--fail-on", "info", *arguments], capture_output=True, text=True, check=False)


def test_linter_finds_nothing_above_the_justified_list(cluster, rls_database: str) -> None:
    result = lint(cluster, rls_database, "--config", str(HERE / "pgrls.toml"))

    found = [(each["rule_id"], each["location"]) for each in json.loads(result.stdout)["violations"]]
    assert (found, result.returncode) == ([], 0), result.stderr


def test_list_names_nothing_that_the_linter_no_longer_finds(cluster, rls_database: str, tmp_path: Path) -> None:
    """An entry that is not needed would hide the finding when it comes back for another reason."""
    bare = tmp_path / "pgrls.toml"
    bare.write_text("", encoding="utf-8")
    result = lint(cluster, rls_database, "--config", str(bare))

    found = {each["location"] for each in json.loads(result.stdout)["violations"]}
    listed = {
        line.strip().strip('",') for line in (HERE / "pgrls.toml").read_text().splitlines() if line[:5] == '    "'
    }
    assert listed - found == set()


def test_every_suppression_says_why() -> None:
    lines = (HERE / "pgrls.toml").read_text().splitlines()
    unexplained = [line for above, line in pairwise(lines) if line.startswith("[lint.rules.") and above[:2] != "# "]

    assert unexplained == []
