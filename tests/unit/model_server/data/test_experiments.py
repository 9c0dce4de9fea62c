from datetime import date

import pytest
from msgspec import structs

from model_server.data.experiments import convert_experiments
from model_server.data.manifest import load_manifest
from model_server.experiments.row import ComponentRow, ExperimentRow
from model_server.features.recipes import find_recipe


def viability(number: int, value: float, *components: ComponentRow, day: int = 1, unit: str = "%") -> ExperimentRow:
    return ExperimentRow(f"e{number}", date(2026, 3, day), "post_thaw_viability", value, unit, components)


def convert(*rows: ExperimentRow):
    return convert_experiments(
        rows, load_manifest("viability_wetlab"), find_recipe("composition-1"), family="viability"
    )


def test_rows_become_samples_split_by_day():
    dmso = ComponentRow(10.0, "% v/v", name="DMSO")

    found = convert(viability(1, 80.0, dmso), viability(2, 70.0, dmso, day=2))

    assert found.used == ("e1", "e2")
    assert found.samples.inputs[0] == {"dmso": pytest.approx(1.4079, abs=1e-3)}
    assert [split.rule.name for split in found.samples.splits] == ["date"]
    assert found.samples.primary.labels == (frozenset({"2026-03-01"}), frozenset({"2026-03-02"}))


def test_repeats_of_one_day_are_averaged():
    glycerol = ComponentRow(1.2, "M", smiles="OCC(O)CO")

    found = convert(viability(1, 40.0, glycerol), viability(2, 60.0, glycerol))

    assert found.samples.values.tolist() == [50.0]
    assert found.samples.ranges.tolist() == [20.0]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        pytest.param(viability(1, 50.0, ComponentRow(1.0, "M", name="unobtainium")), "unobtainium", id="ingredient"),
        pytest.param(viability(1, 50.0, ComponentRow(1.0, "mol/kg", name="dmso")), "density", id="needs density"),
        pytest.param(viability(1, 50.0, ComponentRow(5.0, "% v/v", name="sucrose")), "density", id="solid by volume"),
        pytest.param(viability(1, 140.0, ComponentRow(1.0, "M", name="dmso")), "outside", id="above the limit"),
        pytest.param(viability(1, 0.5, ComponentRow(1.0, "M", name="dmso"), unit="1"), "record it in %", id="fraction"),
    ],
)
def test_row_that_cannot_be_used_is_left_out_with_its_reason(row, reason):
    found = convert(row)

    assert found.samples is None
    assert found.used == ()
    assert "e1" in found.left_out[0]
    assert reason in found.left_out[0]


def test_other_properties_are_somebody_elses():
    row = ExperimentRow("e1", date(2026, 3, 1), "osmolality", 1.0, "osm", ())

    assert convert(row).left_out == ()


def test_pure_compound_needs_one_component_with_a_structure():
    manifest, recipe = load_manifest("tg_koop"), find_recipe("structure-1")
    good = ExperimentRow(
        "e1",
        date(2026, 3, 1),
        "glass_transition_temperature",
        186.0,
        "K",
        (ComponentRow(1.0, "mol/mol", smiles="OCC(O)CO"),),
    )
    mixed = structs.replace(good, experiment_id="e2", components=good.components * 2)
    diluted = structs.replace(good, experiment_id="e3", components=(ComponentRow(5.0, "M", smiles="OCC(O)CO"),))

    found = convert_experiments([good, mixed, diluted], manifest, recipe, family="tg")

    assert found.samples.keys == ("OCC(O)CO",)
    assert "2 components" in found.left_out[0]
    assert "knows it pure" in found.left_out[1]


@pytest.mark.parametrize(
    ("component", "left_out"),
    [
        (ComponentRow(20.0, "mmol/L", smiles="NCC(=O)O"), None),
        (ComponentRow(0.02, "mol/L", smiles="NCC(=O)O"), None),
        (ComponentRow(50.0, "mmol/L", smiles="NCC(=O)O"), "concentration_mm is 50"),
        (ComponentRow(1.0, "mol/mol", smiles="NCC(=O)O"), "density of the solution"),
        (ComponentRow(2.0, "% w/w", smiles="NCC(=O)O"), "density of the solution"),
    ],
)
def test_concentration_of_an_assay_is_read_from_the_component(component, left_out):
    row = ExperimentRow("e1", date(2026, 3, 1), "mean_grain_size", 60.0, "%", (component,))

    found = convert_experiments([row], load_manifest("iri_amino"), find_recipe("amino-1"), family="iri")

    assert found.used == (("e1",) if left_out is None else ())
    assert left_out is None or left_out in found.left_out[0]
