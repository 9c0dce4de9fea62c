"""Releases: which version each colour runs, who gets the traffic, and the flags that steer it."""

from dashboards.source.model import Dashboard, Panel, Query, Unit, watched

DASHBOARD = Dashboard(
    name="releases",
    title="Releases",
    says="What is deployed where, how traffic moves between the colours, and whether the new one is worse.",
    panels=(
        Panel(
            "Pods by colour and version",
            "What runs. Two versions of one colour are a rollout in progress.",
            (
                Query(
                    'count by (app, colour, version) (up{job="model-server", colour=~"$colour"} == 1)',
                    "{{app}} {{colour}} {{version}}",
                ),
            ),
            Unit.COUNT,
        ),
        watched(
            "ColourServesTwoVersions",
            "Versions by colour",
            "Over one for half an hour is a rollout that is stuck.",
            Unit.COUNT,
            "{{app}} {{colour}}",
        ),
        Panel(
            "Share of traffic by colour, 5 m",
            "Steps of a canary, and the switch. Empty without traffic.",
            (
                Query(
                    'app:http_requests:rate5m{app=~"$app", colour=~"blue|green"} / on (app) group_left ()'
                    ' sum by (app) (app:http_requests:rate5m{colour=~"blue|green"})',
                    "{{app}} {{colour}}",
                ),
            ),
            Unit.SHARE,
        ),
        Panel(
            "Share of failed requests by colour, 5 m",
            "The colour that gets the canary beside the one that served before, and the limit of HighErrorRate.",
            (Query('app:http_errors:ratio_rate5m{app=~"$app", colour=~"blue|green"}', "{{app}} {{colour}}"),),
            Unit.SHARE,
            ("HighErrorRate",),
            ("HighErrorRate",),
        ),
        watched("FlagsDown", "Flag services that answer", "At zero callers use defaults.", Unit.COUNT, "{{job}}"),
        watched(
            "FlagsStale",
            "Age of the flags",
            "Flags are read every 5 s; a rise is a database that does not answer.",
            Unit.SECONDS,
            "{{pod}}",
        ),
    ),
)
