"""The models this repository trains: what each learns from, how, and what was asked of it in advance.

A model is one feature contract with one calibration. The melting point makes another model rather than an optional
column, because the error falls with it and a missing value inside a tree would hide which answer was given. Amino acids
and glycosides are two models, because their assays differ in salt and concentration; the concentration is a column of
each, constant in the data, and any other value is refused. The laboratory and the literature are two models, because
one laboratory's next batch and an unknown paper are different questions with different errors.
"""

from dataclasses import dataclass
from typing import Literal

from model_server.errors import SettingInvalidError
from model_server.evaluate.verdict import Wanted
from model_server.train.blend import BlendSettings
from model_server.train.forest import ForestSettings

Probe = str | dict[str, float]


@dataclass(frozen=True)
class ModelPlan:
    """One model.

    Args:
        name: of its release folder.
        family: what it predicts.
        variant: which population or feature set.
        selector: when its family answers with it.
        manifest: data set.
        recipe: how rows are made.
        blend: hyperparameters.
        target: what the number means.
        bounds: physical limits of the target.
        threshold: similarity from which on a row is in the domain.
        intended_use: what the answer may be used for.
        known_failures: where it is wrong.
        wanted: figures asked for in advance.
        probes: SMILES strings or compositions of the warm-up.
        probe_conditions: conditions given with every probe.
        active_below: values up to this one count as active.
        widest: largest mean width at 90 % that was asked for.
        ratio: condition and factor of a rule of thumb that is a second baseline.
        names: how training rows are called in answers; keys only where the licence of the set asks for care.
    """

    name: str
    family: Literal["tg", "iri", "viability"]
    variant: str
    selector: str
    manifest: str
    recipe: str
    blend: BlendSettings
    target: str
    bounds: tuple[float | None, float | None]
    threshold: float
    intended_use: str
    known_failures: tuple[str, ...]
    wanted: tuple[Wanted, ...]
    probes: tuple[Probe, ...]
    probe_conditions: tuple[tuple[str, float], ...] = ()
    active_below: float | None = None
    widest: float | None = None
    ratio: tuple[str, float] | None = None
    names: Literal["keys", "inchikeys"] = "keys"


_SALTS = (
    "Salts, metals and ions: none is in the data; were the two inorganic salts of the compilation kept, "
    "the error without melting point would be 13.4 K."
)
_TG_FAILURES = (
    "Stereochemistry is not seen: epimers such as glucose and mannose, and cis/trans pairs, get one answer.",
    "Pure, dry compounds only: no mixtures, no water content, no freeze-concentrated Tg'.",
    "Structures with a new scaffold: see the error by scaffold, which holds out all ring-free structures together.",
    _SALTS,
    "A few structures of the compilation do not match their names; they were left as they are.",
    "A compound of the training set gets back nearly its reference value; the interval is calibrated on unseen ones.",
)
_TG_USE = "rank and screen small organic molecules as vitrifying agents; not a substitute for calorimetry"
_TG_PROBES: tuple[Probe, ...] = (
    "OCC(O)CO",
    "CC(O)CO",
    "OCC1OC(OC2C(O)C(O)C(O)OC2CO)C(O)C(O)C1O",
    "CS(C)=O",
    "O=C(O)c1ccccc1Oc1ccccc1",
    "FC(F)(F)C(F)(F)C(F)(F)F",
)
_IRI_USE = "choose which compounds to synthesise or assay next; the interval is wide, so rank rather than read values"
_IRI_FAILURES = (
    "Stereoisomers get nearly one answer although measured pairs differ by up to 55 points.",
    "One concentration only; nothing is known about dose, salts or proteins beside the compound.",
    "Polymers, peptides and antifreeze proteins are another mechanism and another size.",
)
_VIABILITY_FAILURES = (
    "Cooling and thawing rate, cell source, passage and assay are not columns; they are part of the error.",
    "Mesenchymal stem cells only.",
    "Effects of an ingredient that occurs in fewer than three rows are guesses.",
)
_TWO_PER_LEAF = ForestSettings(trees=100, min_samples_leaf=2, min_samples_split=2, max_features=1.0)

PLANS: dict[str, ModelPlan] = {
    plan.name: plan
    for plan in (
        ModelPlan(
            name="tg",
            family="tg",
            variant="structure",
            selector="default",
            manifest="tg_koop",
            recipe="structure-1",
            blend=BlendSettings(share=0.3, scale_floor=10.0, forest_sees_counts=False),
            target="glass transition temperature of the pure compound",
            bounds=(0.0, None),
            threshold=0.3,
            intended_use=_TG_USE,
            known_failures=_TG_FAILURES,
            wanted=(Wanted("compound", "mae", 13.0, "K"), Wanted("scaffold", "mae", 24.0, "K")),
            probes=_TG_PROBES,
            widest=70.0,
        ),
        ModelPlan(
            name="tg-tm",
            family="tg",
            variant="melting-point",
            selector="condition:melting_point_k",
            manifest="tg_koop",
            recipe="structure-melting-1",
            blend=BlendSettings(share=0.3, scale_floor=10.0, forest_sees_counts=False),
            target="glass transition temperature of the pure compound, its melting point being known",
            bounds=(0.0, None),
            threshold=0.3,
            intended_use=_TG_USE,
            known_failures=(*_TG_FAILURES, "Melting points of hydrates mislead it; give that of the dry compound."),
            wanted=(Wanted("compound", "mae", 11.0, "K"),),
            probes=_TG_PROBES,
            probe_conditions=(("melting_point_k", 300.0),),
            ratio=("melting_point_k", 0.7),
            widest=70.0,
        ),
        ModelPlan(
            name="iri-amino",
            family="iri",
            variant="amino",
            selector="nearest",
            manifest="iri_amino",
            recipe="amino-1",
            blend=BlendSettings(share=0.5, scale_floor=10.0, forest=_TWO_PER_LEAF),
            target="mean ice grain size in percent of control, splat cooling, 20 mM in 10 mM NaCl",
            bounds=(0.0, None),
            threshold=0.3,
            intended_use=_IRI_USE,
            known_failures=(*_IRI_FAILURES, "63 compounds: every figure has a wide interval."),
            wanted=(Wanted("compound", "mae", 20.0, "%"), Wanted("compound", "auc", 0.85)),
            probes=("NC(C)C(=O)O", "NC(Cc1ccccc1)C(=O)O", "NCCCC(=O)O", "NC(CC(C)C)C(=O)O"),
            active_below=30.0,
            names="inchikeys",
        ),
        ModelPlan(
            name="iri-glyco2",
            family="iri",
            variant="glyco2",
            selector="nearest",
            manifest="iri_glyco2",
            recipe="glycoside-1",
            blend=BlendSettings(share=0.5, scale_floor=10.0, forest=_TWO_PER_LEAF),
            target="mean ice grain size in percent of control, splat cooling, 22 mM in phosphate-buffered saline",
            bounds=(0.0, None),
            threshold=0.3,
            intended_use=_IRI_USE,
            known_failures=_IRI_FAILURES,
            wanted=(Wanted("compound", "auc", 0.70),),
            probes=("COc1ccc(OC2OC(CO)C(O)C(O)C2O)cc1", "CCCCCCCCOC1OC(CO)C(O)C(O)C1O", "OCC1OC(O)C(O)C(O)C1O"),
            active_below=30.0,
            names="inchikeys",
        ),
        ModelPlan(
            name="viability-wetlab",
            family="viability",
            variant="wetlab",
            selector="default",
            manifest="viability_wetlab",
            recipe="composition-1",
            blend=BlendSettings(1.0, 8.0, ForestSettings(200, 2, 2, 0.3)),
            target="post-thaw viability of mesenchymal stem cells in the next batch of the laboratory",
            bounds=(0.0, 100.0),
            threshold=0.3,
            intended_use="choose formulations for the next batch of the same laboratory and protocol",
            known_failures=(*_VIABILITY_FAILURES, "One laboratory and one protocol; elsewhere the level may shift."),
            wanted=(Wanted("date", "rmse", 15.5, "%"), Wanted("date", "r2", 0.55)),
            probes=(
                {"dmso": 1.4},
                {"ethylene_glycol": 1.5, "ectoin": 0.15},
                {"glycerol": 1.2, "hsa": 8.0},
                {"trehalose": 0.4, "fbs": 20.0},
            ),
        ),
        ModelPlan(
            name="viability-literature",
            family="viability",
            variant="literature",
            selector="explicit",
            manifest="viability_literature",
            recipe="composition-1",
            blend=BlendSettings(1.0, 8.0, ForestSettings(100, 5, 2, 0.3)),
            target="post-thaw viability of mesenchymal stem cells as a paper would report it",
            bounds=(0.0, 100.0),
            threshold=0.3,
            intended_use="see what the literature leads one to expect; too uncertain to choose between formulations",
            known_failures=(*_VIABILITY_FAILURES, "Papers report what worked; poor formulations are missing."),
            wanted=(Wanted("doi", "rmse", 23.0, "%"), Wanted("doi", "r2", 0.0)),
            probes=(
                {"dmso": 1.4},
                {"dmso": 0.7, "trehalose": 0.3},
                {"ethylene_glycol": 1.5, "sucrose": 0.2},
                {"methylcellulose": 1.0},
            ),
        ),
    )
}


def find_plan(name: str) -> ModelPlan:
    """Return the plan of a model.

    Raises:
        SettingInvalidError: there is none of that name (permanent).
    """
    plan = PLANS.get(name)
    if plan is None:
        raise SettingInvalidError(f"model {name!r} is not one of {', '.join(PLANS)}; correct the name")
    return plan
