"""Models and drift: served, in time, and asked about what they know."""

from dashboards.source.model import Dashboard, Unit, watched

_VERSION = "{{model}} {{version}}"

DASHBOARD = Dashboard(
    name="models",
    title="Models and drift",
    says="Whether every model answers with the right version, and whether it is still asked about what it learned.",
    panels=(
        watched("ModelNotReady", "Loaded by pod", "At zero a pod cannot answer.", Unit.YES_NO, "{{pod}} {{model}}"),
        watched(
            "ModelInferenceFailing",
            "Share of failed inferences, 5 m",
            "Failures of the model's own; callers' mistakes do not count. Empty without predictions.",
            Unit.SHARE,
            _VERSION,
        ),
        watched(
            "ModelInferenceSlow",
            "Share of inferences over 0.25 s, 10 m",
            "Empty without predictions.",
            Unit.SHARE,
            _VERSION,
        ),
        watched("ModelQueueBacklog", "Rows that wait, 2 m", "A batch takes 256.", Unit.COUNT, "{{colour}} {{pod}}"),
        watched(
            "ModelVersionMismatch",
            "Champion versions by model",
            "Two during a release; two for long is a release that stopped halfway.",
            Unit.COUNT,
            "{{model}}",
        ),
        watched("ModelLoadFailing", "Failed loads in 15 m", "Empty until one fails.", Unit.COUNT, _VERSION),
        watched(
            "ModelOutOfDomainHigh",
            "Share of questions outside the domain",
            "Molecules unlike any that the model learned from; its intervals are wide there.",
            Unit.SHARE,
            _VERSION,
        ),
        watched("ModelDrift", "Drift alarm", "One while the test holds its alarm.", Unit.YES_NO, _VERSION),
        watched(
            "ModelIntervalCoverageLow",
            "Share of measurements inside their interval",
            "Promised are 90 %. Says nothing before 50 measurements.",
            Unit.SHARE,
            _VERSION,
        ),
    ),
)
