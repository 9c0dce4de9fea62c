"""Charts: drawn from their table, walked by keyboard, zoomed and brought back, and told in a sentence."""

import json

import pytest
from playwright.sync_api import expect

CHARTS = {
    "parity": "/validation",
    "residuals": "/validation",
    "coverage": "/validation",
    "scores": "/validation?model=viability-wetlab",
    "importance": "/importance?shown=all",
    "errors": "/compare?model=tg-tm",
    "drift": "/drift",
}
# What a chart shows of each row, by the columns of its table.
SHOWN = {
    "parity": ("actual", "predicted", "lower", "upper"),
    "residuals": ("predicted", "residual"),
    "coverage": ("level", "coverage"),
    "scores": ("mae", "low", "high"),
    "importance": ("mean",),
    "errors": ("a", "b"),
    "drift": ("psi",),
}
DRAWN = """figure => figure.chart.data.datasets.flatMap(set => set.data).filter(point => point.row)
    .map(({x, y, xMin, xMax, yMin, yMax}) => ({x, y, xMin, xMax, yMin, yMax}))"""
# Read anew here, cell by cell, so that the page's own reader is not its judge.
TABLE = """figure => {
    const table = figure.querySelector("table");
    const keys = [...table.tHead.rows[0].cells].map(cell => cell.dataset.key);
    return [...table.tBodies[0].rows].map(row => Object.fromEntries([...row.cells].map((cell, at) =>
        [keys[at], cell.dataset.v ?? cell.textContent.trim()])));
}"""


def number(text: str) -> float:
    return float(text.replace("\u2212", "-"))


def expected_points(kind: str, rows: list[dict]) -> list[tuple]:
    return sorted(tuple(round(number(row[key]), 4) for key in SHOWN[kind]) for row in rows)


def drawn_points(kind: str, points: list[dict]) -> list[tuple]:
    fields = {
        "parity": ("x", "y", "yMin", "yMax"),
        "residuals": ("x", "y"),
        "coverage": ("x", "y"),
        "scores": ("x", "xMin", "xMax"),
        "errors": ("x", "y"),
    }.get(kind, ("x",))
    return sorted(tuple(round(point[field], 4) for field in fields) for point in points)


@pytest.fixture(scope="session", autouse=True)
def _some_traffic(address, ask_many):
    """Drift has something to show once questions were asked."""
    ask_many(40)


@pytest.mark.parametrize(("kind", "path"), CHARTS.items(), ids=CHARTS)
def test_chart_shows_what_its_table_says(visitor, kind, path):
    page = visitor.open(path)
    figure = page.locator(f"figure[data-chart={kind}]")

    rows = figure.evaluate(TABLE)

    assert len(rows) > 3
    assert drawn_points(kind, figure.evaluate(DRAWN)) == expected_points(kind, rows)


@pytest.mark.parametrize(("kind", "path"), CHARTS.items(), ids=CHARTS)
def test_chart_has_a_name_a_sentence_and_a_table_behind_a_button(visitor, kind, path):
    page = visitor.open(path)
    figure = page.locator(f"figure[data-chart={kind}]")
    said = figure.locator("canvas").get_attribute("aria-label")
    assert figure.locator("canvas").get_attribute("role") == "img"
    assert said == figure.locator(".said").inner_text()

    button, table = figure.get_by_role("button", name="Data table"), figure.locator(".chart-table")
    assert table.is_hidden()
    button.focus()
    page.keyboard.press("Enter")

    assert table.is_visible()
    assert button.get_attribute("aria-expanded") == "true"


def test_sentence_of_the_parity_chart_has_n_error_and_coverage(visitor):
    said = visitor.open("/validation?level=0.8").locator("figure[data-chart=parity] .said").inner_text()

    assert "292 held-out rows" in said
    assert "mean absolute error 12.7\u00a0K" in said
    assert "inside their 80\u00a0% interval" in said


def test_arrow_keys_walk_through_the_points_and_speak_them(visitor):
    page = visitor.open("/validation")
    plot = page.locator("figure[data-chart=coverage] .plot")
    plot.focus()
    page.keyboard.press("ArrowRight")
    first = page.locator("#spoken").inner_text()
    page.keyboard.press("End")
    last = page.locator("#spoken").inner_text()

    assert first.startswith("1 of 6: promised 50.0 %")
    assert last.startswith("6 of 6: promised 95.0 %")
    shown = page.locator("figure[data-chart=coverage]").evaluate(
        "figure => figure.chart.tooltip.getActiveElements()[0].index"
    )
    assert shown == 5


def test_zoom_by_button_and_key_and_back(visitor):
    page = visitor.open("/validation")
    figure = page.locator("figure[data-chart=residuals]")

    def ends():
        return json.loads(
            figure.evaluate("figure => JSON.stringify([figure.chart.scales.x.min, figure.chart.scales.x.max])")
        )

    whole = ends()
    figure.get_by_role("button", name="Zoom in").click()
    nearer = ends()
    figure.locator(".plot").focus()
    page.keyboard.press("+")
    nearest = ends()
    page.keyboard.press("0")

    assert whole[0] < nearer[0] < nearest[0]
    assert nearest[1] < nearer[1] < whole[1]
    assert ends() == whole


def test_dragging_pans_a_zoomed_chart(visitor):
    page = visitor.open("/validation")
    figure = page.locator("figure[data-chart=residuals]")
    figure.scroll_into_view_if_needed()
    figure.get_by_role("button", name="Zoom in").click()
    before = figure.evaluate("figure => figure.chart.scales.x.min")
    box = figure.locator("canvas").bounding_box()
    page.mouse.move(box["x"] + 300, box["y"] + 150)
    page.mouse.down()
    page.mouse.move(box["x"] + 380, box["y"] + 150, steps=6)
    page.mouse.up()

    assert figure.evaluate("figure => figure.chart.scales.x.min") < before


def test_finger_over_a_chart_still_scrolls_the_page(visit):
    page = visit("mobile").open("/validation")

    actions = page.locator("canvas:visible").evaluate_all(
        "found => found.map(each => getComputedStyle(each).touchAction)"
    )

    assert set(actions) == {"pan-y"}


def test_pointer_over_a_point_tells_its_row(visitor):
    page = visitor.open("/importance")
    figure = page.locator("figure[data-chart=importance]")
    spot = figure.evaluate("figure => figure.chart.getDatasetMeta(0).data[0].getCenterPoint()")
    box = figure.locator("canvas").bounding_box()
    page.mouse.move(box["x"] + spot["x"], box["y"] + spot["y"])

    told = figure.evaluate("figure => figure.chart.tooltip.body.flatMap(part => part.lines).join(' ')")
    assert told.startswith("log branch atoms: 13.1")


def test_another_level_changes_intervals_without_a_reload(visitor):
    page = visitor.open("/validation")
    page.evaluate("window.same = true")
    wide = page.locator("figure[data-chart=parity]").evaluate(DRAWN)
    page.get_by_label("Confidence").focus()
    page.get_by_label("Confidence").select_option("0.5")
    expect(page.locator("figure[data-chart=parity] .said")).to_contain_text("50\u00a0% interval")
    narrow = page.locator("figure[data-chart=parity]").evaluate(DRAWN)

    assert page.evaluate("window.same") is True
    assert "level=0.5" in page.url
    expect(page.get_by_label("Confidence")).to_be_focused()
    assert sum(p["yMax"] - p["yMin"] for p in narrow) < 0.5 * sum(p["yMax"] - p["yMin"] for p in wide)


def test_another_model_takes_its_own_version_and_split(visitor):
    page = visitor.open("/validation?model=tg-tm&version=1.2.0&split=scaffold&level=0.95")
    page.get_by_label("Model", exact=True).select_option("viability-wetlab")
    expect(page.get_by_label("Split")).to_have_value("date")

    assert page.get_by_label("Version", exact=True).input_value() == "1.1.0"
    assert page.get_by_label("Confidence").input_value() == "0.9"


def test_split_without_rows_says_so_and_keeps_its_figures(visitor):
    page = visitor.open("/validation?model=tg&split=scaffold")

    assert page.get_by_text("kept for the primary split (by compound) alone").is_visible()
    assert page.locator(".stats").get_by_text("20.4\u00a0K").is_visible()
    assert page.locator("figure[data-chart=parity]").count() == 0


def test_choices_work_without_scripts(visit):
    page = visit(scripts=False).open("/validation")
    page.get_by_label("Model", exact=True).select_option("iri-amino")
    page.get_by_role("button", name="Show").click()

    assert "iri-amino" in page.title()
    assert page.locator("figure table").count() == 4
    assert page.locator("figure table").first.is_visible()
    assert page.locator("canvas:visible").count() == 0


def test_chart_takes_the_colours_of_the_scheme(visit):
    page = visit(scheme="light").open("/importance")
    colour = "figure => figure.chart.data.datasets[0].backgroundColor[0]"
    light = page.locator("figure").evaluate(colour)
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(100)

    assert page.locator("figure").evaluate(colour) != light


def test_versions_are_compared_by_the_paired_difference_of_the_api(visitor, address):
    page = visitor.open("/compare?model=tg-tm&a=1.1.0&b=1.2.0")
    told = page.request.get(f"{address}/api/v1/comparisons?model=tg-tm&a=1.1.0&b=1.2.0").json()["comparison"]

    assert told["verdict"] == "b is better"
    assert page.get_by_role("heading", name="1.2.0 is better").is_visible()
    assert page.locator(".stats").get_by_text(f"{told['difference']['value']:.2f}".replace("-", "\u2212")).is_visible()


def test_model_with_one_version_says_what_is_missing(visitor):
    page = visitor.open("/compare?model=tg")

    assert page.get_by_text("tg has one version, 1.1.0.").is_visible()
