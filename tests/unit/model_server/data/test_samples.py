import pytest

from model_server.data.manifest import load_manifest
from model_server.data.samples import build_samples, merge_entries, molecule_entry
from model_server.data.table import load_table
from model_server.features.molecules import parse_molecule
from model_server.features.recipes import find_recipe


def entry(smiles: str, value: float):
    return molecule_entry(parse_molecule(smiles), value)


def test_spellings_of_one_structure_are_one_compound_with_the_mean(manifest):
    samples = merge_entries(manifest, [entry("OCC", 90.0), entry("CCO", 100.0), entry("CO", 103.0)])

    assert samples.keys == ("CCO", "CO")
    assert samples.values.tolist() == [95.0, 103.0]
    assert samples.ranges.tolist() == [10.0, 0.0]
    assert samples.measurements == 3


def test_stereoisomers_of_the_tg_set_are_one_compound(manifest):
    samples = merge_entries(manifest, [entry("C[C@H](O)F", 1.0), entry("C[C@@H](O)F", 3.0)])

    assert samples.values.tolist() == [2.0]


def test_epimers_of_the_glycoside_set_are_two_rows_of_one_group(data_dir):
    recipe = find_recipe("glycoside-1")

    samples = build_samples(load_table(load_manifest("iri_glyco2"), data_dir), recipe)

    assert len(samples) == 209
    assert len(set(samples.primary.labels)) == 167
    assert len(set(samples.keys)) == 209


def test_prediction_rows_of_the_amino_set_are_left_out_with_the_reason(data_dir):
    samples = build_samples(load_table(load_manifest("iri_amino"), data_dir), find_recipe("amino-1"))

    assert len(samples) == 63
    assert any("10 mM" in reason for reason in samples.excluded)


def test_control_arm_and_misread_molarity_of_the_literature_are_handled(data_dir):
    table = load_table(load_manifest("viability_literature"), data_dir)

    assert not {"1", "308", "341", "102"} & {row.text("formulation_id") for row in table.rows}
    first = next(row for row in table.rows if row.text("formulation_id") == "2")
    assert first.number("trehalose_M") == pytest.approx(0.25)
    assert not [row for row in table.rows if 0 < row.number("sucrose_M") < 0.0075]


def test_melting_point_below_the_glass_transition_is_not_used(data_dir):
    samples = build_samples(load_table(load_manifest("tg_koop"), data_dir), find_recipe("structure-melting-1"))

    melting = [conditions["melting_point_k"] for conditions in samples.conditions]
    assert all(tm > tg for tm, tg in zip(melting, samples.values, strict=True))


def test_one_paper_is_one_group_however_it_is_spelled(data_dir):
    samples = build_samples(load_table(load_manifest("viability_literature"), data_dir), find_recipe("composition-1"))

    papers = frozenset().union(*samples.primary.labels)
    assert not [paper for paper in papers if not paper.startswith("10.") or "doi" in paper]
    assert any(len(labels) > 1 for labels in samples.primary.labels)
