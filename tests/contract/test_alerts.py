"""What every alert keeps: files are what the source says, each has a page, and no rule watches what nobody emits."""

import re
import shlex
from pathlib import Path

import pytest
import typer.main

from agents.backup.command_line import app as backup_commands
from alerts.source.catalogue import FILES, all_alerts
from alerts.source.metrics import AFTERWARDS, ALWAYS
from alerts.source.model import Severity
from alerts.source.promql import metrics_of
from alerts.source.render import RULES, RUNBOOKS, TESTS, render_all
from cryo.app import build

ROOT = Path(__file__).resolve().parents[2]
RENDERED = render_all(FILES)
ALERTS = {alert.name: alert for alert in all_alerts()}
RECORDED = {recording.name for file in FILES for recording in file.recordings}
PAGES = sorted(path for path in (ROOT / RUNBOOKS).glob("*.md") if path.name != "README.md")
HEADINGS = ["## Meaning", "## Impact", "## Diagnosis", "## Mitigation", "## Escalation"]
MAKE_TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
COMMANDS = typer.main.get_command(build())
# `cryo backup` hands its verbs on to the agent, in a Job of the cluster.
BACKUP_COMMANDS = typer.main.get_command(backup_commands)
# Programs that `cryo env` puts on PATH.
PROVIDED = {"kubectl", "pulumi"}

# For people who look around, and never in a rule; seen on the live platform.
ONLY_IN_PAGES = {
    "ALERTS",
    "cryo_backup_rto_seconds",
    "cryo_db_pool_in_use_connections",
    "cryo_model_feature_psi",
    "cryo_model_infer_duration_seconds_sum",
    "cryo_model_label_mae",
    "cryo_model_prediction_psi",
    "kubelet_volume_stats_used_bytes",
    "process_cpu_seconds_total",
    "prometheus_notifications_queue_length",
    "prometheus_rule_group_last_duration_seconds",
    "prometheus_tsdb_head_series",
    "prometheus_tsdb_storage_blocks_bytes",
    "scrape_samples_scraped",
    "traefik_service_requests_total",
}


def name_of(value):
    return value.stem if isinstance(value, Path) else None


def blocks_of(page: Path, language: str) -> list[str]:
    found = re.findall(rf"```{language}\n(.*?)```", page.read_text(), flags=re.DOTALL)
    return [line for block in found for line in block.strip().splitlines()]


@pytest.mark.parametrize("path", sorted(RENDERED), ids=str)
def test_committed_file_is_what_the_source_says(path):
    assert (ROOT / path).read_text() == RENDERED[path], "run `python -m alerts`"


def test_no_rule_or_test_file_lies_there_that_the_source_does_not_know():
    there = {path.relative_to(ROOT) for folder in (RULES, TESTS) for path in (ROOT / folder).iterdir()}

    assert there <= set(RENDERED)


def test_every_alert_has_a_page_and_every_page_an_alert():
    assert {page.stem for page in PAGES} == set(ALERTS)
    assert len(ALERTS) == len(all_alerts())


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_page_has_its_five_parts_and_says_what_the_rule_says(page):
    text, alert = page.read_text(), ALERTS[page.stem]

    assert re.findall(r"^## \w+", text, flags=re.MULTILINE) == HEADINGS
    assert text.startswith(f"# {alert.name}\n\nSeverity: {alert.severity.value}. Owner: {alert.team.value}.\n")
    assert len(text.split()) >= 130


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_query_of_a_page_asks_for_metrics_that_exist(page):
    queries = blocks_of(page, "promql")
    known = set(ALWAYS) | set(AFTERWARDS) | RECORDED | ONLY_IN_PAGES

    assert queries
    assert {query: missing for query in queries if (missing := metrics_of(query) - known)} == {}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_of_a_page_exists(page):
    commands = [shlex.split(line) for line in blocks_of(page, "sh")]

    assert commands or page.stem == "TargetScrapeSlow"
    assert [command for command in commands if not exists(command)] == []


def exists(command: list[str]) -> bool:
    match command:
        case [".venv/bin/cryo", "backup", *words]:
            return knows(BACKUP_COMMANDS, words)
        case [".venv/bin/cryo", *words]:
            return knows(COMMANDS, words)
        case [".venv/bin/python", "-m", "alerts", *_]:
            return (ROOT / "alerts" / "__main__.py").is_file()
        case ["make", target]:
            return target in MAKE_TARGETS
        case [program, *_]:
            return program in PROVIDED
    return False


def knows(command, words: list[str]) -> bool:
    """Say whether typer has these verbs, and the last of them these options."""
    while hasattr(command, "commands") and words:
        command = command.commands.get(words[0])
        words = words[1:]
        if command is None:
            return False
    options = {option for parameter in command.params for option in parameter.opts}
    return not hasattr(command, "commands") and {word for word in words if word.startswith("-")} <= options


@pytest.mark.parametrize("alert", all_alerts(), ids=lambda alert: alert.name)
def test_rule_asks_only_for_metrics_that_something_emits(alert):
    assert metrics_of(alert.expr) <= set(ALWAYS) | set(AFTERWARDS) | RECORDED


@pytest.mark.parametrize("recording", [r for file in FILES for r in file.recordings], ids=lambda r: r.name)
def test_recording_asks_only_for_metrics_that_something_emits(recording):
    assert metrics_of(recording.expr) <= set(ALWAYS) | set(AFTERWARDS) | RECORDED


def test_no_metric_is_declared_that_no_rule_asks_for():
    asked = set[str]().union(*(metrics_of(each.expr) for file in FILES for each in (*file.alerts, *file.recordings)))

    assert (set(ALWAYS) | set(AFTERWARDS)) - asked == set()


@pytest.mark.parametrize("alert", all_alerts(), ids=lambda alert: alert.name)
def test_alert_is_proven_firing_and_silent_and_keeps_its_value_out_of_labels(alert):
    assert alert.scenes
    assert "$value" not in alert.service + alert.summary
    for scene in alert.scenes:
        assert alert.name == "Watchdog" or scene.over != scene.limit


def test_alerts_that_were_asked_for_by_name_have_their_limits():
    """Errors over 5 % of requests in 5 minutes for 2; mean latency over 1 s for 5; down for 1."""
    error, slow, down = ALERTS["HighErrorRate"], ALERTS["SlowEndpoint"], ALERTS["ApiDown"]

    assert (error.for_s, error.severity) == (120, Severity.CRITICAL)
    assert error.expr.startswith("app:http_errors:ratio_rate5m > 0.05\n")
    assert (slow.for_s, slow.severity) == (300, Severity.WARNING)
    assert slow.expr == "app_route:http_request_duration_seconds:mean5m > 1"
    assert (down.for_s, down.severity) == (60, Severity.CRITICAL)
