"""What a release leaves behind: both colours alike, and flags that are fresh."""

from __future__ import annotations

from alerts.source.model import Alert, RuleFile, Scene, Series, Severity, Team


def _age(seconds: float) -> Series:
    return {'cryo_flags_snapshot_age_seconds{job="flags", app="flags", pod="a"}': f"{seconds:g}"}


def _versions(other: float) -> Series:
    return {
        'up{job="model-server", app="model-server", colour="blue", version="0.2.0", pod="a"}': "1",
        'up{job="model-server", app="model-server", colour="blue", version="0.1.0", pod="b"}': f"{other:g}",
    }


FILE = RuleFile(
    name="release",
    component="release",
    alerts=(
        Alert(
            name="FlagsDown",
            severity=Severity.WARNING,
            service="flags",
            team=Team.PLATFORM,
            expr='sum by (job) (up{job="flags"}) == 0',
            for_s=300,
            summary="The feature flag service does not answer; callers use the defaults in their code",
            description="No target of the flags service has answered a scrape for 5 minutes.",
            scenes=(
                Scene(
                    lambda alive: {'up{job="flags", instance="a"}': f"{alive:g}"},
                    over=0,
                    limit=1,
                    healthy=1,
                    labels={"job": "flags"},
                    settle_s=0,
                    beside={'up{job="another"}': "0"},
                ),
            ),
        ),
        Alert(
            name="FlagsStale",
            severity=Severity.WARNING,
            service="flags",
            team=Team.PLATFORM,
            expr="min by (app, pod) (cryo_flags_snapshot_age_seconds) > 120",
            for_s=120,
            summary="Feature flags are answered from an old copy",
            description=(
                "{{ $labels.pod }} serves flags that are {{ $value | humanizeDuration }} old; they are read every 5 s."
            ),
            scenes=(
                Scene(
                    _age,
                    over=130,
                    limit=120,
                    healthy=4,
                    labels={"app": "flags", "pod": "a"},
                    settle_s=0,
                ),
            ),
        ),
        Alert(
            name="ColourServesTwoVersions",
            severity=Severity.WARNING,
            service="model-server",
            team=Team.PLATFORM,
            expr='count by (app, colour) (count by (app, colour, version) (up{job="model-server"} == 1)) > 1',
            for_s=1800,
            summary="The pods of one colour run different versions",
            description=(
                "{{ $value }} versions of {{ $labels.app }} have been running in {{ $labels.colour }} for half "
                "an hour; "
                "a rollout is stuck."
            ),
            scenes=(
                Scene(
                    _versions,
                    over=1,
                    limit=0,
                    healthy=0,
                    labels={"app": "model-server", "colour": "blue"},
                    settle_s=0,
                    beside={
                        'up{job="another", app="another", colour="blue", version="1"}': "1",
                        'up{job="another", app="another", colour="blue", version="2"}': "1",
                    },
                ),
            ),
        ),
    ),
)
