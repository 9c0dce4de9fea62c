"""What a Job and its pods say, as the API server words it."""

from datetime import UTC, datetime, timedelta

import pytest

from model_server.jobs.cluster.sight import see
from model_server.jobs.plan import Sight, write_time

NOW = datetime(2026, 11, 24, 12, 10, tzinfo=UTC)


def job(*conditions):
    return {"status": {"conditions": [{"status": "True", **each} for each in conditions]}}


def pod(*, age_s=10.0, conditions=(), **state):
    status = {"containerStatuses": [{"state": state}] if state else [], "conditions": list(conditions)}
    return {"metadata": {"creationTimestamp": write_time(NOW - timedelta(seconds=age_s))}, "status": status}


def waiting(reason, **more):
    return {"waiting": {"reason": reason, "message": "back-off pulling image", **more}}


FAILED = {"type": "Failed", "reason": "BackoffLimitExceeded"}
UNSCHEDULABLE = {"type": "PodScheduled", "status": "False", "message": "0/1 nodes: Insufficient memory"}
CASES = [
    pytest.param({}, [], Sight.ALIVE, None, False, id="just made"),
    pytest.param(job(), [pod(running={})], Sight.ALIVE, None, False, id="runs"),
    pytest.param(job({"type": "FailureTarget"}), [pod(running={})], Sight.ALIVE, None, False, id="is being ended"),
    pytest.param(job({"type": "Complete"}), [], Sight.ENDED, None, False, id="done"),
    pytest.param(job({"type": "Failed", "reason": "DeadlineExceeded"}), [], Sight.ENDED, "at its deadline", False,
                 id="deadline"),
    pytest.param(job(FAILED), [pod(terminated={"reason": "OOMKilled", "exitCode": 137})], Sight.ENDED,
                 "more memory than its limit", False, id="out of memory"),
    pytest.param(job(FAILED), [pod(terminated={"exitCode": 70, "message": "data set is absent\n"})], Sight.ENDED,
                 "ended with 70: data set is absent", False, id="failed with a message"),
    pytest.param(job(FAILED), [pod(terminated={"exitCode": 75})], Sight.ENDED, "ended with 75: no word", False,
                 id="failed silently"),
    pytest.param(job(FAILED), [], Sight.ENDED, "deleted or evicted", False, id="pod deleted"),
    pytest.param(job(), [pod(**waiting("InvalidImageName"))], Sight.ALIVE, "InvalidImageName", True,
                 id="no image name"),
    pytest.param(job(), [pod(**waiting("ImagePullBackOff"))], Sight.ALIVE, None, False, id="pulls again"),
    pytest.param(job(), [pod(age_s=121, **waiting("ImagePullBackOff"))], Sight.ALIVE, "ImagePullBackOff", True,
                 id="cannot pull"),
    pytest.param(job(), [pod(conditions=[UNSCHEDULABLE])], Sight.ALIVE, "Insufficient memory", False, id="no room"),
]  # fmt: skip


@pytest.mark.parametrize(("found", "pods", "sight", "why", "stuck"), CASES)
def test_sight(found, pods, sight, *, why, stuck):
    seen = see(found, pods, now=NOW)

    assert (seen.sight, seen.stuck) == (sight, stuck)
    assert (why is None and seen.why is None) or why in seen.why
