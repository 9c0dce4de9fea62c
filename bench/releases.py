"""Makes releases that are whole in every respect but trained on nothing: for benches and tests of the server.

A graph is a mean of the features plus an offset, so an answer tells which version gave it; a bench may pass a real one.
"""

import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import onnx
from onnx import TensorProto, helper

from model_server.evaluate.importance import reference_distributions
from model_server.features.columns import FeatureRow
from model_server.features.fingerprints import pack_fingerprints
from model_server.features.mixtures import write_composition
from model_server.features.molecules import library_version, parse_molecule
from model_server.features.recipes import CompositionRecipe, MoleculeRecipe, find_recipe
from model_server.registry.session import open_session

KNOWN_SMILES = ("OCC(O)CO", "OCCO", "CO", "CCO", "CC(O)CO", "CS(C)=O", "NC=O", "CCCCO", "C1CCCCC1", "c1ccccc1")
LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
# Half-widths of a normal distribution, good enough for numbers nobody relies on.
QUANTILES = (0.67, 0.84, 1.04, 1.28, 1.64, 1.96)


@dataclass(frozen=True)
class MadeUp:
    """What is made.

    Args:
        name: of the model.
        version: of the form 1.2.3.
        recipe: that makes its rows.
        family: it belongs to.
        selector: when the family answers with it.
        offset: added to every prediction.
        promotable: what the card says.
        graph: another graph than the mean; None for the mean.
        lower: bound; None for none.
        upper: bound; None for none.
    """

    name: str = "tg"
    version: str = "1.0.0"
    recipe: str = "structure-1"
    family: str = "tg"
    selector: str = "default"
    offset: float = 200.0
    promotable: bool = True
    graph: bytes | None = None
    lower: float | None = 0.0
    upper: float | None = None


def write_made_up(models_dir: Path, made: MadeUp) -> Path:
    """Write <models_dir>/<name>/<version> and return it."""
    recipe = find_recipe(made.recipe)
    questions = _questions(recipe)
    rows = np.stack([row for row, _ in questions])
    graph = made.graph or mean_graph(rows.shape[1], made.offset)
    point, scale = open_session(graph, where=made.name).run(rows)
    files = {"model.onnx": graph, "card.md": b"# Made up\n", **_known_files(recipe, rows)}
    files["points.json"] = json.dumps(
        [
            {
                "key": hashlib.sha256(text.encode()).hexdigest()[:16],
                "actual": float(value) + error,
                "predicted": float(value),
            }
            | {"scale": float(spread), "in_domain": True}
            for (_, text), value, spread, error in zip(
                questions, point, scale, np.linspace(-5, 5, len(point)), strict=True
            )
        ]
    ).encode()
    card = _card(made, recipe, rows)
    card["drift"] = msgspec.to_builtins(reference_distributions(rows, point, recipe.columns))
    card["warm_up"] = [
        {"features": row.astype(float).tolist(), "prediction": float(value), "scale": float(spread)}
        | ({"smiles": text} if isinstance(recipe, MoleculeRecipe) else {"composition": {}})
        | {"conditions": _conditions(recipe)}
        for (row, text), value, spread in list(zip(questions, point, scale, strict=True))[:3]
    ]
    card["files"] = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    folder = models_dir / made.name / made.version
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / "card.json").write_bytes(msgspec.json.format(json.dumps(card).encode(), indent=2) + b"\n")
    return folder


def mean_graph(width: int, offset: float) -> bytes:
    """Graph whose prediction is the mean feature plus an offset, and whose scale is 10."""
    nodes = [
        helper.make_node("ReduceMean", ["features"], ["mean"], axes=[1], keepdims=0),
        helper.make_node("Add", ["mean", "offset"], ["prediction"]),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "ten"], ["scale"]),
    ]
    constants = {"offset": offset, "zero": 0.0, "ten": 10.0}
    graph = helper.make_graph(
        nodes,
        "made-up",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", width])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in ("prediction", "scale")],
        [helper.make_tensor(name, TensorProto.FLOAT, [], [value]) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


def _conditions(recipe: MoleculeRecipe | CompositionRecipe) -> dict[str, float]:
    return {c.name: c.default if c.default is not None else (c.minimum + c.maximum) / 2 for c in recipe.conditions}


def _questions(recipe: MoleculeRecipe | CompositionRecipe) -> list[tuple[FeatureRow, str]]:
    if isinstance(recipe, MoleculeRecipe):
        return [(recipe.row(parse_molecule(smiles), _conditions(recipe)), smiles) for smiles in KNOWN_SMILES]
    names = [ingredient.name for ingredient in recipe.ingredients[:6]]
    compositions = [{name: 0.1 * step} for step, name in enumerate(names, start=1)]
    return [(recipe.row(amounts, {}), write_composition(amounts)) for amounts in compositions]


def _known_files(recipe: MoleculeRecipe | CompositionRecipe, rows: np.ndarray) -> dict[str, bytes]:
    buffer = io.BytesIO()
    if isinstance(recipe, MoleculeRecipe):
        np.save(buffer, pack_fingerprints([parse_molecule(smiles) for smiles in KNOWN_SMILES]), allow_pickle=False)
        return {"fingerprints.npy": buffer.getvalue(), "known.json": json.dumps(KNOWN_SMILES).encode()}
    np.save(buffer, rows.astype(np.float32), allow_pickle=False)
    names = [text for _, text in _questions(recipe)]
    return {"reference.npy": buffer.getvalue(), "known.json": json.dumps(names).encode()}


def _card(made: MadeUp, recipe: MoleculeRecipe | CompositionRecipe, rows: np.ndarray) -> dict[str, object]:
    score = {"value": 10.0, "low": 9.0, "high": 11.0}
    scores = {"mae": score, "rmse": score, "r2": score, "spearman": score, "auc": None}
    is_molecule = isinstance(recipe, MoleculeRecipe)
    rule: dict[str, object] = {"kind": "tanimoto", "radius": 2, "bits": 2048, "threshold": 0.3}
    if not is_molecule:
        width = rows.shape[1]
        rule = {"kind": "knn", "axes": [c.name for c in recipe.columns], "centre": [0.0] * width}
        rule |= {"spread": [1.0] * width, "neighbours": 2, "reach": 1.0, "threshold": 0.3}
    columns = [msgspec.to_builtins(column) for column in recipe.columns]
    return {
        "schema": 2,
        "model": {
            "name": made.name, "version": made.version, "family": made.family, "variant": made.name,
            "selector": made.selector, "target": f"made-up {made.family}", "unit": "K", "direction": "none",
            "lower_bound": made.lower, "upper_bound": made.upper, "algorithm": "mean of the features",
            "hyperparameters": {}, "intended_use": "none", "known_failures": ["everything"],
        },
        "data": {
            "name": "none", "title": "none", "sha256": "0" * 64, "origin": "none", "commit": "none",
            "licence": "none", "cite": [], "measurements": len(rows), "compounds": len(rows),
            "target_min": 0.0, "target_max": 1.0, "repeat_range_mean": 0.0, "excluded": [],
        },
        "features": {
            "recipe": made.recipe, "kind": recipe.kind, "columns": columns,
            "conditions": [msgspec.to_builtins(condition) for condition in recipe.conditions],
            "library": "rdkit" if is_molecule else "none",
            "library_version": library_version() if is_molecule else "",
            "stereochemistry": "ignored" if is_molecule else "not applicable",
        },
        "training": {"seed": 0, "python": "3", "libraries": {}},
        "evaluation": {
            "splits": [
                {"name": "compound", "rule": "made up", "primary": True, "folds": 2, "repeats": 1}
                | {"model": scores, "baselines": {"median": scores}}
            ],
            "beats_baseline": made.promotable,
            "because": ["made up: mae 10.0 against 10.0 of the median"],
            "gates": [],
            "promotable": made.promotable,
        },
        "intervals": {
            "method": "made up", "scale": "made up", "default_level": 0.9, "holdouts": 2,
            "levels": [
                {"level": level, "quantile": q, "quantile_outside": 1.5 * q}
                | {"coverage": level, "coverage_sd": 0.01, "width": 20.0 * q}
                for level, q in zip(LEVELS, QUANTILES, strict=True)
            ],
        },
        "domain": rule
        | {"rule": "made up", "mae_inside": None, "mae_outside": None, "bands": []}
        | {"default_level_coverage_outside": None},
        "importance": [],
        "parity": {
            "training_rows": 0, "random_rows": 0, "prediction_difference": 0.0, "prediction_limit": 1e-3,
            "scale_difference": 0.0, "scale_limit": 1e-2,
        },
    }  # fmt: skip
