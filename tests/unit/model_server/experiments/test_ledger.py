"""Experiments survive whoever sent them: whole batches, the last word wins, the same again does nothing."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from model_server.errors import ArtefactInvalidError, RegistryRefusedError
from model_server.experiments import ledger as module
from model_server.experiments.ledger import ExperimentLedger, between
from model_server.experiments.row import ComponentRow, ExperimentRow
from model_server.registry.store import FolderStore


def row(number=1, value=70.0, day=1, name="post_thaw_viability"):
    return ExperimentRow(f"e{number}", date(2026, 3, day), name, value, "%", (ComponentRow(1.0, "M", name="dmso"),))


class Clock:
    def __init__(self):
        self.now = datetime(2026, 3, 5, tzinfo=UTC)

    def __call__(self):
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def store(tmp_path):
    return FolderStore(tmp_path)


@pytest.fixture
def ledger(store):
    return ExperimentLedger(store, clock=Clock())


def test_other_process_reads_what_one_wrote(ledger, store):
    assert ledger.add([row(1), row(2)], who="ann") == (2, 0, 0)

    kept = ExperimentLedger(store).rows()

    assert [each.row for each in kept] == [row(1), row(2)]
    assert (kept[0].sent_by, kept[0].sent_at) == ("ann", "2026-03-05T00:00:01Z")


def test_correction_replaces_and_repetition_writes_nothing(ledger, store):
    ledger.add([row(1), row(2)], who="ann")
    assert ledger.add([row(1, 60.0), row(2), row(3)], who="ben") == (1, 1, 1)
    batches = store.keys("experiments/")

    assert ledger.add([row(1, 60.0)], who="cat") == (0, 0, 1)

    assert store.keys("experiments/") == batches
    assert [(each.row.value, each.sent_by) for each in ledger.rows()] == [(60.0, "ben"), (70.0, "ann"), (70.0, "ben")]


def test_two_properties_of_one_experiment_are_two_rows(ledger):
    assert ledger.add([row(1), row(1, name="mean_grain_size")], who="ann").added == 2


def test_ledger_without_store_is_empty_and_refuses():
    ledger = ExperimentLedger(None)

    assert ledger.rows() == []
    with pytest.raises(RegistryRefusedError, match="CRYO_REGISTRY_DIR"):
        ledger.add([row()], who="ann")


def test_full_ledger_takes_nothing_but_corrections(ledger, monkeypatch):
    monkeypatch.setattr(module, "MAX_ROWS", 2)
    ledger.add([row(1), row(2)], who="ann")

    with pytest.raises(RegistryRefusedError, match="nothing was added"):
        ledger.add([row(1, 50.0), row(3)], who="ann")

    assert [each.row.value for each in ledger.rows()] == [70.0, 70.0]
    assert ledger.add([row(1, 50.0)], who="ann").changed == 1


def test_damaged_batch_is_named_and_nothing_is_guessed(ledger, store, tmp_path):
    ledger.add([row()], who="ann")
    [key] = store.keys("experiments/")
    (tmp_path / key).write_text('{"rows": [')

    with pytest.raises(ArtefactInvalidError, match=key):
        ExperimentLedger(store).rows()


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [(None, None, [1, 2, 3]), (2, None, [2, 3]), (None, 2, [1, 2]), (2, 2, [2]), (3, 1, [])],
)
def test_days_are_included_on_both_sides(ledger, first, last, expected):
    ledger.add([row(day, day=day) for day in (1, 2, 3)], who="ann")

    found = between(ledger.rows(), first and date(2026, 3, first), last and date(2026, 3, last))

    assert [each.row.measured_on.day for each in found] == expected


@given(st.lists(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 3)), min_size=1, max_size=4), max_size=8))
def test_ledger_holds_the_last_value_of_every_experiment(tmp_path_factory, requests):
    ledger, expected = ExperimentLedger(FolderStore(tmp_path_factory.mktemp("store")), clock=Clock()), {}
    for request in requests:
        rows = {number: row(number, float(value)) for number, value in request}
        counted = ledger.add(list(rows.values()), who="ann")
        assert sum(counted) == len(rows)
        assert counted.added == len(set(rows) - set(expected))
        expected |= rows

    assert {each.row.key: each.row for each in ledger.rows()} == {each.key: each for each in expected.values()}


def test_row_says_whose_property_it_is():
    assert structs.replace(row(), property_name="mean_grain_size").key == "e1/mean_grain_size"
