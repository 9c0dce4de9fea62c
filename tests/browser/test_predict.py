"""Predict as people use it: by mouse, by keyboard alone, without scripts, and with mistakes in it."""

import re

import httpx
import pytest
from playwright.sync_api import expect

GLYCEROL = "OCC(O)CO"


def ask_api(address, **question):
    body = {"target": "tg", "inputs": [{"smiles": GLYCEROL}], **question}
    return httpx.post(f"{address}/api/v1/predictions", json=body).json()["predictions"][0]


def test_answer_of_the_page_is_the_answer_of_the_api(visitor, address):
    page = visitor.open("/")
    page.get_by_label("Structure (SMILES)").fill(GLYCEROL)
    page.get_by_label("Confidence").select_option("0.95")
    page.get_by_role("button", name="Predict").click()
    expect(page.locator(".headline .value")).to_be_visible()

    told = ask_api(address, confidence_level=0.95)
    assert page.locator(".headline .value").inner_text() == f"{told['prediction']:.0f}\u00a0K"
    assert (
        page.locator(".headline .between").inner_text() == f"{told['lower']:.0f}\u00a0K to {told['upper']:.0f}\u00a0K"
    )
    assert "level=0.95" in page.url


def test_answer_comes_without_scripts(visit):
    page = visit(scripts=False).open("/")
    page.get_by_label("Structure (SMILES)").fill(GLYCEROL)
    page.get_by_role("button", name="Predict").click()

    assert page.locator(".headline .value").inner_text().endswith("\u00a0K")
    assert page.locator(".structure svg path").count() > 5
    assert page.locator(".interval-bar .bar-interval").count() == 1
    assert page.get_by_text("Within the domain").is_visible()


def test_keyboard_alone_gets_an_answer(visitor):
    page = visitor.open("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    seen = []
    while page.evaluate("document.activeElement.id") != "smiles":
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
        assert len(seen) < 12, seen
    page.keyboard.type(GLYCEROL)
    page.keyboard.press("Enter")
    expect(page.locator(".headline .value")).to_be_visible()

    assert page.evaluate("document.activeElement.id") == "answer"
    assert "Glass transition temperature" in page.locator("#spoken").inner_text()
    assert seen == ["Molecule", "Mixture", "target", "smiles"]


def test_every_control_shows_where_the_keyboard_is(visitor):
    page = visitor.open("/")
    for _ in range(17):
        page.keyboard.press("Tab")
        drawn = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert drawn == "solid", page.evaluate("document.activeElement.outerHTML")


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
@pytest.mark.parametrize("smiles", ["CC((", "", "C" * 513, "<script>alert(1)</script>", "CCO name", "[*]"])
def test_hostile_smiles_get_the_words_of_the_api_beside_the_field(visit, address, smiles, scripts):
    visitor = visit(scripts=scripts)
    page = visitor.open("/")
    page.get_by_label("Structure (SMILES)").fill(smiles)
    page.get_by_role("button", name="Predict").click()
    expect(page.locator("#mistake-smiles")).to_be_visible()

    answer = httpx.post(f"{address}/api/v1/predictions", json={"target": "tg", "inputs": [{"smiles": smiles}]})
    assert answer.json()["error"]["message"].removeprefix("inputs[0]: ") == page.locator("#mistake-smiles").inner_text()
    assert page.locator("#smiles").get_attribute("aria-describedby") == "mistake-smiles"
    assert page.locator("#smiles").input_value() == smiles
    visitor.forgive("422")


def test_unknown_component_is_named_at_its_row(visitor):
    page = visitor.open("/?kind=mixture")
    page.get_by_label("Name or SMILES of component 1").fill("dmso")
    page.get_by_label("Amount of component 1").fill("1.4")
    page.get_by_label("Name or SMILES of component 2").fill("unobtainium")
    page.get_by_label("Amount of component 2").fill("1")
    page.get_by_role("button", name="Predict").click()
    expect(page.locator("#mistake-row-2")).to_contain_text("'unobtainium' is not among the")

    assert page.evaluate("document.activeElement.name") == "component-2"
    visitor.forgive("422")


def test_mixture_is_answered_with_the_rules_beside_it(visitor):
    page = visitor.open("/")
    page.get_by_role("link", name="Mixture").click()
    page.get_by_label("Name or SMILES of component 1").fill("trehalose")
    page.get_by_label("Amount of component 1").fill("0.3")
    page.get_by_label("Water left in the glass").fill("20")
    page.get_by_role("button", name="Predict").click()
    expect(page.locator(".headline .value")).to_be_visible()

    rules = page.get_by_role("region", name="Glass transition by published rules")
    assert rules.get_by_role("row", name=re.compile("^Fox")).locator("td.number").inner_text().endswith("K")
    assert rules.get_by_role("row", name=re.compile("^Gordon")).locator("td.number").inner_text().endswith("K")


def test_rows_can_be_added_and_keep_what_was_typed(visitor):
    page = visitor.open("/?kind=mixture")
    page.get_by_label("Name or SMILES of component 1").fill("dmso")
    page.get_by_role("button", name="Add rows").click()
    expect(page.get_by_label("Amount of component 5")).to_be_visible()

    assert page.get_by_label("Name or SMILES of component 1").input_value() == "dmso"
    assert page.locator(".mistake").count() == 0


def test_back_button_returns_to_the_answer_before(visitor):
    page = visitor.open("/?kind=molecule&target=tg&smiles=OCC%28O%29CO")
    before = page.locator(".headline .value").inner_text()
    page.get_by_role("link", name="trehalose").click()
    expect(page.locator(".headline .value")).not_to_have_text(before)
    page.go_back()

    expect(page.locator(".headline .value")).to_have_text(before)
