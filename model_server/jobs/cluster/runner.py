"""Trains in Jobs of the server's own namespace."""

from collections.abc import Callable
from datetime import UTC, datetime

from model_server.jobs.cluster.api import ApiServer
from model_server.jobs.cluster.manifest import PodPlan, build_job, job_name
from model_server.jobs.cluster.sight import see
from model_server.jobs.job import TrainingJob
from model_server.jobs.plan import Seen, Sight
from model_server.jobs.workspace import Workspace


class KubernetesRunner:
    """Creates, reads and deletes Jobs."""

    def __init__(
        self, api: ApiServer, plan: PodPlan, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """Take where the API server is and what every training pod is like."""
        self._api = api
        self._plan = plan
        self._clock = clock

    def unavailable(self) -> str | None:
        """Nothing is known before a Job is created; the cluster's refusal becomes the job's error."""
        return None

    def start(self, job: TrainingJob, place: Workspace) -> None:  # noqa: ARG002 - the pod finds its folder by the job's id
        """Create the Job, unless it is there."""
        uid = self._api.read_account_uid(self._plan.account)
        self._api.create_job(build_job(job, self._plan, account_uid=uid))

    def look(self, job: TrainingJob, place: Workspace) -> Seen:  # noqa: ARG002 - as above
        """Read the Job and its pods."""
        name = job_name(job.id)
        found = self._api.read_job(name)
        if found is None:
            return Seen(Sight.ABSENT)
        return see(found, self._api.read_pods(name), now=self._clock())

    def stop(self, job: TrainingJob, place: Workspace, *, kill: bool) -> None:  # noqa: ARG002 - the kubelet kills
        """Delete a Job that runs; one that has ended keeps its log until its time is over."""
        if self.look(job, place).sight is Sight.ALIVE:
            self._api.delete_job(job_name(job.id))
