"""Database as its clients see it; the platform runs no exporter beside PostgreSQL."""

from dashboards.source.model import Dashboard, Panel, Query, Unit, watched

DASHBOARD = Dashboard(
    name="database",
    title="Database",
    says="Whether services get answers from PostgreSQL, how fast, and how long its volume lasts.",
    panels=(
        Panel(
            "Reads of the flags by outcome",
            "A steady heartbeat against the database. Only failures left: it does not answer.",
            (
                Query(
                    'sum by (outcome) (rate(cryo_flags_refreshes_total{job="flags"}[$__rate_interval]))', "{{outcome}}"
                ),
            ),
            Unit.PER_SECOND,
            ("DatabaseUnreachable",),
        ),
        watched(
            "DatabaseQueriesSlow",
            "Mean duration by query, 10 m",
            "Which query is slow. All at once points at the server, one alone at its plan or a lock.",
            Unit.SECONDS,
            "{{app}} {{query}}",
        ),
        watched(
            "DatabaseErrors",
            "Share of failed queries, 10 m",
            "Empty until a query has failed since the service started.",
            Unit.SHARE,
            "{{app}}",
        ),
        watched(
            "DatabasePoolExhausted",
            "Callers that wait for a connection, 2 m",
            "Anything over zero for long is a pool that is too small or queries that hold connections.",
            Unit.COUNT,
            "{{app}} {{pod}}",
        ),
        watched(
            "DatabaseVolumeFilling",
            "Free share of the volume",
            "How much room PostgreSQL has. Empty where volumes are folders of the node: see Hosts and pods.",
            Unit.SHARE,
            "{{persistentvolumeclaim}}",
        ),
    ),
)
