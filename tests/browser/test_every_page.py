"""Every tab, judged by axe-core and by the browser itself, in both schemes and on a phone."""

import pytest
from axe_playwright_python.sync_playwright import Axe

GLYCEROL = "/?kind=molecule&target=tg&smiles=OCC%28O%29CO"
MIXTURE = "/?kind=mixture&component-1=dmso&amount-1=0.7&component-2=trehalose&amount-2=0.2&water=10"
PAGES = {
    "predict": "/",
    "predict molecule": GLYCEROL,
    "predict outside the domain": "/?kind=molecule&target=tg&smiles=FC%28F%29%28F%29S",
    "predict iri": "/?kind=molecule&target=iri&smiles=NCC%28%3DO%29O",
    "predict mixture": MIXTURE,
    "models": "/models",
    "model": "/models/tg",
    "model nobody promoted": "/models/viability-literature",
    "validation": "/validation",
    "validation by another split": "/validation?model=viability-wetlab&split=composition",
    "importance": "/importance",
    "compare": "/compare?model=tg-tm",
    "compare nothing": "/compare?model=tg",
    "train": "/train",
    "drift": "/drift?model=tg",
    "drift without traffic": "/drift?model=viability-wetlab",
}
# Contrast depends on the scheme and layout on the width, so the diagonal of the four combinations covers both.
LOOKS = [("desktop", "light"), ("mobile", "dark")]


def serious_findings(page) -> dict[str, list[str]]:
    """What axe-core calls serious or critical, with the elements it is about."""
    return {
        each["id"]: [node["html"][:200] for node in each["nodes"]]
        for each in Axe().run(page).response["violations"]
        if each["impact"] in ("serious", "critical")
    }


@pytest.mark.parametrize("look", LOOKS, ids="-".join)
@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES)
def test_page_has_no_serious_barrier_and_fits_its_window(visit, path, look):
    page = visit(*look).open(path)

    serious = serious_findings(page)
    width = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")

    assert serious == {}
    assert width == 0


OPENED = {
    "promotion": ("/models/tg-tm", "[data-promote]"),
    "token": ("/", "#token-open"),
    "table": ("/validation", "[data-table]"),
    "mistake": ("/", "form button[type=submit]"),
}


@pytest.mark.parametrize("look", LOOKS, ids="-".join)
@pytest.mark.parametrize(("path", "opener"), OPENED.values(), ids=OPENED)
def test_what_opens_has_no_serious_barrier_either(visit, path, opener, look):
    visitor = visit(*look)
    page = visitor.open(path)
    page.locator(opener).first.click()
    page.locator("dialog[open], .chart-table.open, .mistake").first.wait_for()

    assert serious_findings(page) == {}
    visitor.forgive("422")


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES)
def test_page_says_its_content_without_scripts(visit, path):
    page = visit(scripts=False).open(path)

    assert page.locator("h1").count() == 1
    assert page.locator("main").inner_text().strip()
    assert page.locator(".needs-script:visible").count() == 0


def test_axe_would_find_a_missing_label(visitor):
    """The judge is awake: an input without a name is a critical finding."""
    page = visitor.open("/")
    page.evaluate("document.querySelector('label[for=smiles]').remove()")
    page.evaluate("document.querySelector('#smiles').removeAttribute('placeholder')")

    found = Axe().run(page).response["violations"]

    assert [each["impact"] for each in found if each["id"] == "label"] == ["critical"]


def test_smuggled_script_does_not_run(visitor):
    page = visitor.open("/")
    page.evaluate("""() => {
        const script = document.createElement("script");
        script.textContent = "window.smuggled = true";
        document.body.append(script);
    }""")

    assert page.evaluate("window.smuggled") is None
    assert any("Content Security Policy" in text for text in visitor.complaints)
    visitor.complaints.clear()
