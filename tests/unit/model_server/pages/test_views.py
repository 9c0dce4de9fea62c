"""What pages show of cards, rows, jobs and verdicts; every number comes from code that also answers the API."""

import msgspec
import pytest

from model_server.drift.verdict import ColumnDrift, DomainDrift, PredictionDrift, WidthDrift
from model_server.errors import RequestRefusedError
from model_server.pages.choosing import belongs, choose_level, list_versions
from model_server.pages.compare import pair_rows
from model_server.pages.drift import describe, rank_columns
from model_server.pages.held_out import judge_points
from model_server.pages.importance import list_columns
from model_server.pages.mixture_rules import Solute, share, weigh
from model_server.pages.predict_form import read_form
from model_server.pages.predict_view import list_conditions, list_targets
from model_server.pages.train import view_job
from model_server.pages.validation import choose_split
from model_server.registry.card import Card, Point
from model_server.registry.folder import load_release
from model_server.registry.record import Act, VersionEntry, empty_record, following_version
from model_server.serve.api.drift import DriftAnswer
from model_server.serve.api.training import TrainingJobAnswer
from model_server.serve.settings import RELEASED_DIR
from model_server.serve.shelf import Served


@pytest.fixture(scope="module")
def card() -> Card:
    return load_release(RELEASED_DIR / "viability-wetlab" / "1.1.0").card


class StandIn:
    """A predictor as far as the form looks at it."""

    def __init__(self, card: Card):
        self.card = card


def served(name: str) -> Served:
    card = load_release(RELEASED_DIR / name / "1.1.0").card
    return Served({"1.1.0": StandIn(card)}, {"champion": "1.1.0"})


def test_held_out_rows_get_the_interval_the_server_would_give():
    card = served("tg").champion.card
    level = next(entry for entry in card.intervals.levels if entry.level == 0.8)
    assert level.quantile < level.quantile_outside
    points = [
        Point("a", 50.0, 60.0, 10.0, in_domain=True),
        Point("b", 50.0, 60.0, 10.0, in_domain=False),
        Point("c", 2.0, 1.0, 40.0, in_domain=True),
    ]

    found = judge_points(points, card, 0.8)

    assert found.rows[0].upper - found.rows[0].predicted == pytest.approx(10 * level.quantile, abs=0.01)
    assert found.rows[1].upper - found.rows[1].predicted == pytest.approx(10 * level.quantile_outside, abs=0.01)
    assert found.rows[2].lower == card.model.lower_bound
    assert [row.residual for row in found.judged.rows] == [-10.0, -10.0, 1.0]


@pytest.mark.parametrize("text", ["0.99", "nan", "0.9 ", "<b>"])
def test_level_nobody_calibrated_is_refused(card, text):
    with pytest.raises(RequestRefusedError, match="not calibrated"):
        choose_level({"level": text}, card)


def test_choices_made_for_another_model_are_dropped(card):
    assert belongs({}, "tg")
    assert choose_level({"level": "0.99", "of": "tg"}, card) == card.intervals.default_level
    assert choose_split({"split": "scaffold", "of": "tg"}, card).primary


def test_split_the_card_does_not_have_is_refused(card):
    with pytest.raises(RequestRefusedError, match="choose one of date, composition"):
        choose_split({"split": "scaffold"}, card)


def test_versions_are_listed_newest_first_with_their_roles():
    act = Act("2026-01-01T00:00:00Z", "me", "because of this")
    entry = VersionEntry("sha256:0", promotable=True, because=(), registered=act)
    record = msgspec.structs.replace(
        empty_record("tg"),
        versions=dict.fromkeys(("1.9.0", "1.10.0", "1.2.0"), entry),
        aliases={"champion": "1.9.0", "previous": "1.2.0"},
    )

    assert list_versions(record) == [
        ("1.10.0", "1.10.0"),
        ("1.9.0", "1.9.0 (champion)"),
        ("1.2.0", "1.2.0 (previous)"),
    ]


def test_only_rows_of_both_versions_are_paired():
    a = [Point("k2", 10.0, 12.0, 1.0, in_domain=True), Point("k1", 5.0, 4.0, 1.0, in_domain=True)]
    b = [Point("k2", 10.0, 9.5, 1.0, in_domain=True), Point("k3", 1.0, 1.0, 1.0, in_domain=True)]

    assert pair_rows(a, b) == [("k2", 10.0, 2.0, 0.5)]


def test_columns_come_with_what_they_mean(card):
    columns = list_columns(card)

    assert [column.mean for column in columns] == sorted((column.mean for column in columns), reverse=True)
    assert all(column.description for column in columns)


def test_targets_are_told_apart_by_what_is_asked():
    targets = list_targets([served("iri-amino"), served("iri-glyco2"), served("tg"), served("viability-wetlab")])

    assert {target.name: target.kind for target in targets} == {
        "iri": "molecule",
        "iri-amino": "molecule",
        "iri-glyco2": "molecule",
        "tg": "molecule",
        "viability": "mixture",
        "viability-wetlab": "mixture",
    }
    assert "nearest" in next(target.label for target in targets if target.name == "iri")


def test_condition_with_one_legal_value_is_no_choice():
    cards = [served(name).champion.card for name in ("iri-amino", "tg-tm")]

    assert list_conditions(cards, "iri-amino") == []
    assert [condition.name for condition in list_conditions(cards, "tg")] == ["melting_point_k"]


def test_water_takes_its_share_of_the_weight():
    solutes = [Solute("a", 30.0, "C"), Solute("b", 10.0, "CC")]

    assert [part.weight_fraction for part in share(solutes, 0.2)] == pytest.approx([0.6, 0.2, 0.2])
    assert share(solutes, 0.2)[-1].water
    assert len(share(solutes, 0.0)) == 2


def test_rows_are_weighed_by_what_is_known_of_them():
    fields = {"kind": "mixture", "component-1": "glycerol", "amount-1": "1", "component-2": "ficoll", "amount-2": "5"}
    form = read_form({**fields, "unit-2": "% w/v"})

    assert weigh(form) == [("glycerol", pytest.approx(92.09), "OCC(O)CO"), ("ficoll", 50.0, None)]


@pytest.mark.parametrize(
    ("versions", "following"), [((), "1.0.0"), (("1.1.0", "1.0.9"), "1.2.0"), (("1.9.0", "1.10.3"), "1.11.0")]
)
def test_next_version_follows_the_newest(versions, following):
    assert following_version(versions) == following


JOB = TrainingJobAnswer(
    id="j", model="tg", version="1.2.0", state="running", step="search", steps_done=1, steps_total=7, message="",
    seed=1, trials=0, experiments=False, who="me", reason="because of this", created_at="2026-01-01T00:00:00Z",
    started_at="2026-01-01T00:00:10Z", finished_at=None, error=None, digest=None, promotable=None, because=(),
)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "look", "active", "took"),
    [
        ({}, "plain", True, ""),
        ({"state": "queued", "started_at": None}, "plain", True, ""),
        ({"state": "succeeded", "finished_at": "2026-01-01T00:02:15Z"}, "good", False, "2 min 5 s"),
        ({"state": "failed", "finished_at": "2026-01-01T00:00:30Z"}, "bad", False, "20 s"),
        ({"state": "cancelled", "started_at": None, "finished_at": "2026-01-01T00:00:30Z"}, "plain", False, ""),
    ],
)
def test_job_looks_like_its_state(changes, look, active, took):
    view = view_job(msgspec.structs.replace(JOB, **changes))

    assert (view.look, view.active, view.took) == (look, active, took)


def verdict(**changes) -> DriftAnswer:
    given = {
        "model": "tg", "version": "1.1.0", "samples": 600, "minimum": 500, "enough": True, "since": None,
        "alarm": False, "because": (), "features": (), "prediction": PredictionDrift(0.1, 0.05, alarm=False),
        "out_of_domain": DomainDrift(0.1, 0.1, alarm=False), "interval_width": WidthDrift(60.0, 60.0, 1.0, alarm=False),
        "labels": None,
    }  # fmt: skip
    return DriftAnswer(**{**given, **changes})


def test_alarms_come_before_large_indices_and_the_prediction_before_all():
    features = (
        ColumnDrift("calm", 0.01, 0.1, alarm=False),
        ColumnDrift("large", 0.9, 0.1, alarm=False),
        ColumnDrift("moved", 0.3, 0.4, alarm=True),
        ColumnDrift("unknown", None, None, alarm=False),
    )

    bars = rank_columns(verdict(features=features))

    assert [bar.name for bar in bars] == ["prediction", "moved", "large", "calm"]
    assert "1 of 4 columns have moved beyond luck; the largest index is 0.90, of large" in describe(verdict(), bars)


def test_verdict_without_traffic_has_no_bars():
    empty = verdict(samples=0, prediction=PredictionDrift(None, None, alarm=False))

    assert rank_columns(empty) == []
    assert describe(empty, []) == "No question has been asked yet."
