"""What changes something: promotion and training, by an operator's token that stays in the tab."""

import json
import os
import re
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

TOKEN = re.compile("^Operator.s token$")
REASON = "looked at it beside the other one"


def champion(address, model):
    return httpx.get(f"{address}/api/v1/models/{model}/aliases").json()["aliases"].get("champion")


def test_promotion_changes_what_is_served_and_is_written_down(visitor, address, token):
    before = champion(address, "tg-tm")
    page = visitor.open("/models/tg-tm")
    page.get_by_role("button", name="Promote 1.1.0").click()
    dialog = page.get_by_role("dialog", name="Promote tg-tm 1.1.0")
    assert f"answered by 1.1.0 instead of {before}" in dialog.inner_text()
    dialog.get_by_label("Reason, for the history").fill(REASON)
    dialog.get_by_label(TOKEN).fill(token)
    dialog.get_by_role("button", name="Promote").click()
    expect(page.get_by_role("region", name="History of tg-tm").get_by_text(REASON)).to_be_visible()

    assert before == "1.2.0"
    assert champion(address, "tg-tm") == "1.1.0"
    assert page.evaluate("sessionStorage.length") == 1
    assert page.evaluate("localStorage.length") == 0
    assert visitor.context.cookies() == []


@pytest.mark.parametrize(
    "case",
    [(REASON, "w" * 40, "the token is not known here", "401"), ("short", None, "length >= 8", "422")],
    ids=["wrong token", "short reason"],
)
def test_refused_promotion_says_why_and_changes_nothing(visitor, address, token, case):
    reason, given, words, status = case
    before = champion(address, "viability-literature")
    page = visitor.open("/models/viability-literature")
    page.get_by_role("button", name="Promote 1.1.0").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason, for the history").fill(reason)
    dialog.get_by_label(TOKEN).fill(given or token)
    dialog.get_by_role("button", name="Promote").click()

    expect(dialog.get_by_role("alert")).to_contain_text(words)
    assert champion(address, "viability-literature") == before
    visitor.forgive(status)


def test_version_below_its_baseline_needs_an_override(visitor, address, token):
    page = visitor.open("/models/viability-literature")
    page.get_by_role("button", name="Promote 1.1.0").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason, for the history").fill(REASON)
    dialog.get_by_label(TOKEN).fill(token)
    dialog.get_by_role("button", name="Promote").click()

    expect(dialog.get_by_role("alert")).to_contain_text("an override with a reason is needed")
    assert dialog.get_by_label("Override").is_visible()
    assert champion(address, "viability-literature") is None
    visitor.forgive("409")


def test_escape_closes_the_dialog_and_returns_the_keyboard(visitor):
    page = visitor.open("/models/viability-literature")
    page.get_by_role("button", name="Promote 1.1.0").focus()
    page.keyboard.press("Enter")
    assert page.get_by_role("dialog").is_visible()
    page.keyboard.press("Escape")

    assert page.get_by_role("dialog").count() == 0
    assert page.evaluate("document.activeElement.textContent") == "Promote 1.1.0"


def test_token_is_forgotten_on_demand(visitor, token):
    page = visitor.open("/")
    page.get_by_role("button", name="Token").click()
    page.get_by_label("Token", exact=True).fill(token)
    page.get_by_role("button", name="Keep for this tab").click()
    assert page.evaluate("sessionStorage.getItem('cryo-token')") == token
    page.get_by_role("button", name="Token kept").click()
    page.get_by_role("button", name="Forget it").click()

    assert page.evaluate("sessionStorage.length") == 0


@pytest.fixture
def data_is_there():
    shared = Path(__file__).resolve().parents[3] / "shared" / "data"
    if not any(Path(folder).is_dir() for folder in (os.environ.get("CRYO_DATA_DIR"), shared) if folder):
        pytest.skip("no data folder: set CRYO_DATA_DIR to train")


@pytest.mark.usefixtures("data_is_there")
def test_training_is_ordered_followed_and_cancelled(visitor, address, token):
    page = visitor.open("/train")
    page.get_by_label("Model", exact=True).select_option("iri-amino")
    assert page.get_by_label("New version").input_value() == "1.2.0"
    page.get_by_label("New version").fill("1.9.0")
    page.get_by_label("Reason, for the history").fill("to see a job on the page")
    page.get_by_label(TOKEN).first.fill(token)
    page.get_by_role("button", name="Start training").click()
    job = page.locator(".job").filter(has_text="iri-amino 1.9.0")
    expect(job).to_be_visible()
    expect(job.locator("progress")).to_have_attribute("max", "7", timeout=40_000)
    assert "of 7" in job.locator(".job-step").inner_text()
    # What is being made is not offered again, without loading the page anew.
    expect(page.get_by_label("New version")).to_have_value("1.10.0")

    job.get_by_role("button", name="Cancel iri-amino 1.9.0").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel the training").click()
    expect(job.locator(".badge")).to_have_text("cancelled", timeout=40_000)
    expect(job.locator(".mistake")).to_have_count(0)
    [told] = [
        each for each in httpx.get(f"{address}/api/v1/training-jobs").json()["jobs"] if each["version"] == "1.9.0"
    ]
    assert told["state"] == "cancelled"
    assert told["reason"] == "to see a job on the page"


@pytest.mark.usefixtures("data_is_there")
def test_refused_order_says_why(visitor, token):
    page = visitor.open("/train")
    page.get_by_label("New version").fill("1.1.0")
    page.get_by_label("Reason, for the history").fill("a version that exists")
    page.get_by_label(TOKEN).first.fill(token)
    page.get_by_role("button", name="Start training").click()

    expect(page.locator("#train-form [role=alert]")).to_contain_text("exists and never changes")
    visitor.forgive("409")


def test_experiments_are_judged_as_the_api_judges_them(visitor, address, token):
    head = {"authorization": f"Bearer {token}"}
    measured = {"OCC(O)CO": 190.0, "CCO": 97.0, "CC(O)CO": 172.0, "OCCO": 400.0}
    rows = [
        {
            "experiment_id": f"e{index}",
            "measured_on": f"2026-10-0{index}",
            "property_name": "glass_transition_temperature",
            "value": value,
            "unit": "K",
            "components": [{"smiles": smiles, "amount": 1.0, "unit": "mole fraction"}],
        }
        for index, (smiles, value) in enumerate(measured.items(), start=1)
    ]
    assert httpx.post(f"{address}/api/v1/experiments", json={"rows": rows}, headers=head).status_code == 200
    page = visitor.open("/validation?model=tg&level=0.95")
    page.get_by_label("Measured from").fill("2026-10-01")
    page.get_by_label("to", exact=True).fill("2026-10-04")
    page.get_by_label(re.compile("^Scientist.s token$")).fill(token)
    page.get_by_role("button", name="Judge").click()
    figure = page.locator("figure[data-chart=laboratory]")
    expect(figure).to_be_visible()

    question = {"model": "tg", "confidence_level": 0.95, "experiments": {"from": "2026-10-01", "to": "2026-10-04"}}
    told = httpx.post(f"{address}/api/v1/validations", json=question, headers=head).json()["validation"]
    drawn = figure.evaluate(
        "figure => figure.chart.data.datasets.flatMap(set => set.data).filter(p => p.row).map(p => p.y)"
    )
    assert sorted(drawn) == sorted(row["residual"] for row in told["rows"])
    assert page.locator("[data-put=count]").inner_text() == "4"
    assert f"{100 * told['coverage']:.1f}" in page.locator("[data-put=coverage]").inner_text()


def test_days_without_experiments_say_so(visitor, token):
    page = visitor.open("/validation?model=tg")
    page.get_by_label("Measured from").fill("2001-01-01")
    page.get_by_label("to", exact=True).fill("2001-01-02")
    page.get_by_label(re.compile("^Scientist.s token$")).fill(token)
    page.get_by_role("button", name="Judge").click()

    expect(page.locator("#laboratory-form [role=alert]")).to_contain_text("0 experiments of these days")
    visitor.forgive("422")


def test_drift_tells_changed_traffic_from_training(visitor, address):
    chains = ["C" * (index % 30 + 1) + "O" * (index % 3) for index in range(250)]
    for _ in range(3):
        body = {
            "target": "tg-tm",
            "conditions": {"melting_point_k": 300},
            "inputs": [{"smiles": text} for text in chains],
        }
        assert (
            httpx.post(
                f"{address}/api/v1/predictions",
                content=json.dumps(body),
                headers={"content-type": "application/json"},
                timeout=60,
            ).status_code
            == 200
        )
    page = visitor.open("/drift?model=tg-tm")

    assert page.get_by_role("heading", name="The traffic has changed").is_visible()
    assert (
        page.locator("figure[data-chart=drift]").evaluate("figure => figure.chart.options.plugins.limitLine.value")
        == 0.25
    )
    assert "questions are at most" in page.locator("main").inner_text()
