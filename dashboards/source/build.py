"""Turns a dashboard into the JSON that Grafana provisions, with its variables, annotations and links."""

from __future__ import annotations

from grafana_foundation_sdk.builders import common, dashboard, prometheus, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.common import DataSourceRef, GraphThresholdsStyleMode

from alerts.source.model import Severity
from dashboards.source.limits import Limit, limit_of
from dashboards.source.model import Dashboard, Panel, Unit

UID_PREFIX = "cryo-"
_TAG = "cryoprotect"
# One data source per environment: Prometheus puts its own environment on what it sends, not on what it stores.
SOURCE = DataSourceRef("prometheus", "${datasource}")
# The default of `alertmanager.runbooks`; a test holds both together.
RUNBOOKS = "https://git.example.org/cryoprotect/blob/main/"
CHOICES = ("app", "colour")
_ACROSS, _WIDTH, _HEIGHT = 3, 8, 8
# Chosen: Grafana colours a value equal to a step, an alert with > 0 is silent at 0.
_JUST_OVER = 1e-6
_GOOD = "green"
_COLOURS = {Severity.CRITICAL: "red", Severity.WARNING: "orange", Severity.INFO: "yellow"}
_DEPLOYED = (
    'count by (app, colour, version) (up{version!=""} == 1)'
    ' unless count by (app, colour, version) (up{version!=""} offset 5m == 1)'
)


def render(page: Dashboard) -> str:
    """Return the JSON of a dashboard, the same text for the same source."""
    built = dashboard.Dashboard(page.title).uid(UID_PREFIX + page.name).description(page.says).readonly()
    built = built.tags([_TAG]).time("now-6h", "now").refresh("30s").timezone("utc")
    built = built.with_variable(dashboard.DatasourceVariable("datasource").label("Environment").type("prometheus"))
    built = built.with_variable(dashboard.ConstantVariable("runbooks").label("Address of the runbooks").value(RUNBOOKS))
    for name in CHOICES:
        built = built.with_variable(_choice(name))
    built = built.annotation(_annotation("Deployments", "blue", _DEPLOYED, "{{app}} {{colour}} runs {{version}}"))
    firing = 'ALERTS{alertstate="firing", severity="critical"}'
    built = built.annotation(_annotation("Critical alerts", "red", firing, "{{alertname}} {{service}}"))
    others = dashboard.DashboardLink("Dashboards").type(model.DashboardLinkType.DASHBOARDS).tags([_TAG])
    built = built.link(others.as_dropdown(as_dropdown=True).keep_time(keep_time=True).include_vars(include_vars=True))
    for index, panel in enumerate(page.panels):
        built = built.with_panel(_panel(panel, index))
    return JSONEncoder(sort_keys=True, indent=2).encode(built.build()) + "\n"


def _choice(name: str) -> dashboard.QueryVariable:
    variable = dashboard.QueryVariable(name).label(name.capitalize()).datasource(SOURCE)
    variable = variable.query(f"label_values(up, {name})").refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
    chosen = model.VariableOption(text="All", value="$__all", selected=True)
    # Services without a colour carry no label, which `.*` matches and a list of the values would not.
    return variable.multi(multi=True).include_all(include_all=True).all_value(".*").current(chosen)


def _annotation(name: str, colour: str, expr: str, title: str) -> dashboard.AnnotationQuery:
    found = dashboard.AnnotationQuery().name(name).enable(enable=True).icon_color(colour)
    return found.datasource(SOURCE).expr(expr).title_format(title).step("60s")


def _panel(panel: Panel, index: int) -> timeseries.Panel:
    row, column = divmod(index, _ACROSS)
    built = timeseries.Panel().id(index + 1).title(panel.title).description(panel.says).datasource(SOURCE)
    built = built.grid_pos(model.GridPos(h=_HEIGHT, w=_WIDTH, x=column * _WIDTH, y=row * _HEIGHT))
    built = built.unit(panel.unit.value)
    if panel.unit is not Unit.YES_NO:
        built = built.min(0)
    for place, query in enumerate(panel.queries):
        target = prometheus.Dataquery().expr(query.expr).legend_format(query.legend).ref_id(chr(ord("A") + place))
        built = built.with_target(target.datasource(SOURCE).range())
    built = built.links([_runbook(alert) for alert in panel.alerts])
    built = built.thresholds(dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps(panel)))
    style = GraphThresholdsStyleMode.DASHED if panel.lines else GraphThresholdsStyleMode.OFF
    return built.thresholds_style(common.GraphThresholdsStyleConfig().mode(style))


def _runbook(alert: str) -> dashboard.DashboardLink:
    link = dashboard.DashboardLink(f"Runbook: {alert}").type(model.DashboardLinkType.LINK)
    return link.url(f"${{runbooks}}alerts/runbooks/{alert}.md").target_blank(target_blank=True)


def steps(panel: Panel) -> list[model.Threshold]:
    """Return the colours of a panel by value: green where its alerts are silent.

    Raises:
        ValueError: one alert of the panel fires above its limit and another below.
    """
    limits = sorted((limit_of(name) for name in panel.lines), key=lambda limit: limit.value)
    if len({_bad_above(limit) for limit in limits}) > 1:
        raise ValueError(f"{panel.title!r} has limits in both directions; split it")
    if not limits or _bad_above(limits[0]):
        seen = {_step(limit): _COLOURS[limit.severity] for limit in limits}
        return [model.Threshold(None, _GOOD), *(model.Threshold(value, colour) for value, colour in seen.items())]
    colours = [*(_COLOURS[limit.severity] for limit in limits), _GOOD]
    edges = [None, *(_step(limit) for limit in limits)]
    found = dict(zip(edges, colours, strict=True))
    return [model.Threshold(edge, colour) for edge, colour in found.items()]


def _bad_above(limit: Limit) -> bool:
    return limit.sign in {">", ">="}


def _step(limit: Limit) -> float:
    return limit.value or _JUST_OVER
