"""Rows of the database become rows that the model server accepts, or a sentence that says why not."""

from datetime import date

import httpx
import msgspec
import pytest

from cryo.errors import PermanentCryoError, TemporaryCryoError
from cryo.experiments.export import Found, export_rows
from cryo.experiments.push import push_rows, split_rows

DMSO = {"name": "DMSO", "smiles": "CS(C)=O", "amount": 10.0, "unit": "%v/v"}


def found(number=1, **changes):
    given = {
        "experiment_id": "6f1f0c1e-0000-4000-8000-000000000001",
        "property_id": number,
        "measured_on": date(2026, 3, 1),
        "property_name": "post_thaw_viability",
        "value": 70.0,
        "unit": "%",
        "components": [DMSO],
        **changes,
    }
    return Found(**given)


def test_row_keeps_its_id_day_value_and_components():
    [row] = export_rows([found()]).rows

    assert (row.experiment_id, row.measured_on, row.value) == (found().experiment_id, date(2026, 3, 1), 70.0)
    assert [msgspec.to_builtins(component) for component in row.components] == [DMSO]


def test_value_measured_several_times_is_several_rows_with_names_that_stay():
    rows = export_rows([found(7), found(8), found(9, property_name="mean_grain_size")]).rows

    ids = [row.experiment_id.removeprefix(found().experiment_id) for row in rows]
    assert ids == [":7", ":8", ""]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"measured_on": None}, "performed_at"),
        ({"value": None, "unit": None}, "its value is a text"),
        ({"value": 700.0}, "outside 0 to 100"),
        ({"value": float("nan")}, "outside 0 to 100"),
        ({"unit": "1"}, "record it in %"),
        ({"components": []}, "no component"),
        ({"components": [{**DMSO, "smiles": "C1"}]}, "not a valid SMILES"),
        ({"components": [{**DMSO, "unit": "mol/kg"}]}, "density of the solution"),
        ({"components": [{**DMSO, "unit": "%w/w"}]}, "density of the solution"),
        ({"components": [{**DMSO, "unit": "mol/mol", "amount": 0.1}, DMSO]}, "density of the solution"),
    ],
)
def test_row_that_cannot_be_used_says_why(change, reason):
    exported = export_rows([found(**change), found(2, experiment_id="other")])

    assert [row.experiment_id for row in exported.rows] == ["other"]
    assert found().experiment_id in exported.left_out[0]
    assert reason in exported.left_out[0]


def test_pure_compound_is_no_mixture_and_needs_no_density():
    pure = {"name": "glycerol", "smiles": "OCC(O)CO", "amount": 1.0, "unit": "mol/mol"}

    exported = export_rows(
        [found(property_name="glass_transition_temperature", unit="K", value=190.0, components=[pure])]
    )

    assert exported.left_out == []


@pytest.mark.parametrize(("count", "bodies"), [(0, 0), (1, 1), (500, 1), (501, 2), (1200, 3)])
def test_rows_are_cut_into_requests_that_the_server_takes(count, bodies):
    rows = export_rows([found(number, experiment_id=f"e{number}") for number in range(count)]).rows

    made = split_rows(rows)

    assert len(made) == bodies
    assert [row["experiment_id"] for body in made for row in msgspec.json.decode(body)["rows"]] == [
        row.experiment_id for row in rows
    ]
    assert all(len(body) <= 512 * 1024 for body in made)


@pytest.mark.parametrize(
    ("status", "error"), [(422, PermanentCryoError), (403, PermanentCryoError), (503, TemporaryCryoError)]
)
def test_refusal_ends_the_push_with_the_servers_words(status, error):
    transport = httpx.MockTransport(lambda _request: httpx.Response(status, text="because of this"))
    with httpx.Client(base_url="http://server", transport=transport) as client, pytest.raises(error, match="because"):
        push_rows(client, export_rows([found()]).rows, "token", told=lambda _line: None)
