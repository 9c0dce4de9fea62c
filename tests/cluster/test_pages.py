"""Pages on the live platform: a training ordered in the browser becomes a Job, and ends on demand."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
GATEWAY = "http://127.0.0.1:8080"
# Chosen: the start of a pod on a busy node.
PATIENCE_MS = 120_000


@pytest.fixture
def data_dir():
    for candidate in (os.environ.get("CRYO_DATA_DIR"), ROOT.parent / "shared" / "data"):
        if candidate and Path(candidate).is_dir():
            return Path(candidate)
    pytest.skip("no data folder: set CRYO_DATA_DIR to train in the cluster")


@pytest.fixture
def token(platform, tmp_path):
    path = tmp_path / "token"
    platform.cryo("token", "--file", str(path))
    return path.read_text().strip()


@pytest.fixture
def page():
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
        yield browser.new_page()
        browser.close()


def test_training_ordered_on_the_page_runs_as_a_job_and_is_cancelled_there(platform, page, token, data_dir):
    platform.cryo("data", "push", "--data-dir", str(data_dir))
    page.goto(f"{GATEWAY}/train")
    page.get_by_label("Model", exact=True).select_option("iri-amino")
    version = page.get_by_label("New version").input_value()
    page.get_by_label("Reason, for the history").fill("a cluster test orders this on the page")
    page.get_by_label(re.compile("^Operator.s token$")).first.fill(token)
    page.get_by_role("button", name="Start training").click()
    job = page.locator(".job").filter(has_text=f"iri-amino {version}").first
    expect(job.locator(".badge")).to_have_text("running", timeout=PATIENCE_MS)
    jobs = platform.kubectl("-n", "cryoprotect", "get", "jobs", "-o", "name")
    job_id = job.get_attribute("id").removeprefix("job-")

    job.get_by_role("button", name=f"Cancel iri-amino {version}").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel the training").click()

    expect(job.locator(".badge")).to_have_text("cancelled", timeout=PATIENCE_MS)
    assert f"job.batch/train-{job_id}" in jobs.splitlines()
