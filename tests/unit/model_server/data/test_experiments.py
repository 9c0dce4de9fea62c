from datetime import date

import pytest

from model_server.data.experiments import ComponentRow, ExperimentRow, convert_experiments
from model_server.data.manifest import load_manifest
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
        "e1", date(2026, 3, 1), "glass_transition_temperature", 186.0, "K", (ComponentRow(1.0, "M", smiles="OCC(O)CO"),)
    )
    mixed = ExperimentRow("e2", date(2026, 3, 1), "glass_transition_temperature", 186.0, "K", good.components * 2)

    found = convert_experiments([good, mixed], manifest, recipe, family="tg")

    assert found.samples.keys == ("OCC(O)CO",)
    assert "2 components" in found.left_out[0]
