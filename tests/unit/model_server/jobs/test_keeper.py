"""Jobs are moved along by whoever comes: two keepers, keepers that die half-way, runs that vanish."""

import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import structlog

from model_server.data.experiments import read_experiment_file
from model_server.errors import QueueFullError, RegistryRefusedError, TrainerMissingError, TrainerUnreachableError
from model_server.experiments.ledger import ExperimentLedger
from model_server.experiments.row import ComponentRow, ExperimentRow
from model_server.jobs.job import MAX_HISTORY, MAX_QUEUED, Order, State, ask_to_cancel
from model_server.jobs.keeper import Keeper, KeeperRules
from model_server.jobs.ledger import Ledger
from model_server.jobs.plan import START_GRACE_S, Seen, Sight
from model_server.jobs.progress import EndLine, StepLine, append_line
from model_server.jobs.workspace import Workspaces
from model_server.registry.record import Act
from model_server.registry.registry import Place, Registry
from model_server.registry.store import FolderStore

sys.path.append(str(Path(__file__).resolve().parents[4] / "bench"))
from releases import MadeUp, write_made_up

START = datetime(2026, 11, 24, 12, tzinfo=UTC)
ASKED = Act("2026-11-24T12:00:00Z", "ada", "more sugars measured")


class Runs:
    """A place that trains as the test says."""

    def __init__(self):
        self.seen, self.started, self.stopped, self.error = {}, [], [], None

    def unavailable(self):
        return None

    def start(self, job, _place):
        if self.error is not None:
            raise self.error
        self.started.append(job.id)
        self.seen[job.id] = Seen(Sight.ALIVE)

    def look(self, job, _place):
        return self.seen.get(job.id, Seen(Sight.ABSENT))

    def stop(self, job, _place, *, kill):
        self.stopped.append((job.id, kill))


class Laboratory:
    """A registry, its jobs, and a clock to be moved."""

    def __init__(self, folder):
        self.folder, self.runs, self.now = folder, Runs(), START
        self.store = FolderStore(folder)
        self.registry = Registry(Place(folder / "none", self.store))
        self.ledger, self.places = Ledger(self.store), Workspaces(folder)
        self.experiments = ExperimentLedger(self.store)

    def keeper(self, *, parallel=1) -> Keeper:
        rules = KeeperRules(parallel, 600.0)
        log = structlog.get_logger()
        return Keeper(
            *(self.registry, Ledger(self.store), self.places, self.runs, self.experiments),
            rules=rules,
            log=log,
            clock=lambda: self.now,
        )

    def order(self, model="tg", version="2.0.0", **more):
        self.now += timedelta(seconds=1)
        return self.ledger.add(Order(model, version, 1, **more), ASKED, now=self.now).id

    def train(self, job_id, **made):
        """Leave what a run leaves that went well."""
        place = self.places.of(job_id)
        append_line(place.progress, StepLine("write", 6, 7, ""))
        write_made_up(place.out, MadeUp(**{"version": "2.0.0", **made}))
        append_line(place.progress, EndLine("written", "written: it"))
        self.runs.seen[job_id] = Seen(Sight.ENDED)

    def job(self, job_id):
        return self.ledger.job(job_id)

    def wait(self, seconds):
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def lab(tmp_path):
    with structlog.testing.capture_logs():
        yield Laboratory(tmp_path / "registry")


def test_trained_version_is_registered_unpromoted_with_who_and_why(lab):
    job_id, keeper = lab.order(), lab.keeper()
    keeper.tick()
    assert lab.job(job_id).state is State.RUNNING

    lab.train(job_id)
    keeper.tick()

    job, record = lab.job(job_id), lab.registry.record("tg")
    assert (job.state, job.reached.done, job.reached.total) == (State.SUCCEEDED, 7, 7)
    assert job.released.digest == record.versions["2.0.0"].digest
    assert (job.released.promotable, record.aliases) == (True, {})
    registered = record.versions["2.0.0"].registered
    assert (registered.who, registered.why) == ("ada", f"more sugars measured (training job {job_id})")
    assert lab.places.present() == []


def test_run_gets_the_experiments_of_the_moment_it_begins_in_its_own_folder(lab):
    row = ExperimentRow(
        "x-1",
        date(2026, 11, 2),
        "glass_transition_temperature",
        190.0,
        "K",
        (ComponentRow(smiles="OCC(O)CO", amount=1.0, unit="mole fraction"),),
    )
    lab.experiments.add([row], who="ada")
    plain, with_rows = lab.order(), lab.order("iri-amino", experiments=True)

    lab.keeper(parallel=2).tick()

    assert not lab.places.of(plain).experiments.exists()
    assert read_experiment_file(lab.places.of(with_rows).experiments).rows == (row,)


def test_order_without_experiments_is_recorded_as_older_servers_read_it(lab):
    job_id = lab.order()

    assert b"experiments" not in lab.store.read(f"jobs/{job_id}.json").content


def test_two_keepers_start_a_job_once_and_register_it_once(lab):
    job_id, keepers = lab.order(), [lab.keeper(), lab.keeper()]
    for keeper in keepers:
        keeper.tick()
    lab.train(job_id)
    for keeper in keepers:
        keeper.tick()

    assert lab.runs.started == [job_id]
    assert len(lab.registry.record("tg").history) == 1


def test_keeper_that_saw_a_job_in_the_queue_and_comes_too_late_starts_nothing(lab):
    job_id = lab.order()
    seen = lab.job(job_id)
    lab.keeper().tick()

    lab.keeper()._begin(seen)

    assert lab.runs.started == [job_id]


def test_folder_that_a_killed_keeper_left_of_a_job_that_is_over_is_swept(lab):
    job_id, keeper = lab.order(), lab.keeper()
    keeper.tick()
    lab.train(job_id)
    keeper.tick()
    lab.places.make(job_id)

    keeper.tick()

    assert lab.places.present() == []


def test_keeper_killed_after_registering_leaves_a_job_that_the_next_one_ends(lab):
    job_id, keeper = lab.order(), lab.keeper()
    keeper.tick()
    lab.train(job_id)
    lab.registry.register(lab.places.of(job_id).release(lab.job(job_id).order), who="ada", why="before it was killed")

    lab.keeper().tick()

    assert lab.job(job_id).state is State.SUCCEEDED
    assert len(lab.registry.record("tg").history) == 1


def test_keeper_killed_between_claim_and_start_leaves_no_eternal_job(lab):
    job_id, keeper = lab.order(), lab.keeper()
    lab.runs.error = TrainerUnreachableError("killed here")
    keeper.tick()
    lab.keeper().tick()
    assert lab.job(job_id).state is State.RUNNING

    lab.wait(START_GRACE_S + 1)
    lab.keeper().tick()

    assert lab.job(job_id).state is State.FAILED
    assert "never started" in lab.job(job_id).error


def test_run_that_cannot_be_started_fails_with_its_reason(lab):
    job_id = lab.order()
    lab.runs.error = TrainerMissingError("no scikit-learn here")

    lab.keeper().tick()

    assert lab.job(job_id).state is State.FAILED
    assert "no scikit-learn here" in lab.job(job_id).error


def test_half_written_release_is_never_registered(lab):
    job_id, keeper = lab.order(), lab.keeper()
    keeper.tick()
    lab.train(job_id)
    (lab.places.of(job_id).release(lab.job(job_id).order) / "model.onnx").write_bytes(b"half")

    keeper.tick()

    assert lab.job(job_id).state is State.FAILED
    assert "sha256" in lab.job(job_id).error
    assert lab.registry.record("tg").versions == {}


def test_cancelled_run_is_stopped_then_over_and_registers_nothing(lab):
    job_id, keeper = lab.order(), lab.keeper()
    keeper.tick()
    lab.ledger.change(job_id, lambda job: ask_to_cancel(job, Act("2026-11-24T12:00:05Z", "bob", "wrong version")))
    keeper.tick()
    assert lab.runs.stopped == [(job_id, False)]

    lab.train(job_id)
    keeper.tick()

    assert lab.job(job_id).state is State.CANCELLED
    assert lab.registry.record("tg").versions == {}


def test_run_over_its_deadline_is_killed(lab):
    job_id, keeper = lab.order(), lab.keeper()
    keeper.tick()
    lab.wait(601)
    keeper.tick()

    assert lab.runs.stopped == [(job_id, True)]
    assert "took longer than 600 s" in lab.job(job_id).error


def test_next_job_starts_when_one_ends(lab):
    first, second, keeper = lab.order(version="2.0.0"), lab.order(version="2.1.0"), lab.keeper(parallel=4)
    keeper.tick()
    assert lab.runs.started == [first]

    lab.train(first)
    keeper.tick()

    assert lab.runs.started == [first, second]


def test_folder_without_a_live_job_is_swept(lab):
    lab.places.make("20261124-115900-ffffff")
    job_id, keeper = lab.order(), lab.keeper()
    keeper.tick()
    keeper.tick()

    assert lab.places.present() == [job_id]


def test_queue_is_bounded_and_doubles_are_refused(lab):
    for number in range(MAX_QUEUED):
        lab.order(version=f"3.{number}.0")

    with pytest.raises(RegistryRefusedError, match=r"makes tg 3\.0\.0 already"):
        lab.order(version="3.0.0")
    with pytest.raises(QueueFullError):
        lab.order(version="4.0.0")


def test_history_is_bounded(lab):
    def cancel(job):
        return ask_to_cancel(job, Act("2026-11-24T12:00:05Z", "bob", "wrong version"))

    ids = [lab.order() for _ in range(1)]
    lab.ledger.change(ids[0], cancel)
    for _ in range(MAX_HISTORY + 1):
        ids.append(lab.order())
        lab.ledger.change(ids[-1], cancel)

    kept = [job.id for job in lab.ledger.jobs()]
    assert len(kept) <= MAX_HISTORY + 1
    assert ids[0] not in kept
    assert ids[-1] in kept
