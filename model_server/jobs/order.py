"""What may be ordered: which models can be trained, from which data set, and within which limits.

The catalogue itself (`model_server.train.catalogue`) imports scikit-learn, which a server does not have; a unit test
holds that both name the same.
"""

from collections.abc import Mapping
from types import MappingProxyType

TRAINABLE: Mapping[str, str] = MappingProxyType(
    {
        "iri-amino": "iri_amino",
        "iri-glyco2": "iri_glyco2",
        "tg": "tg_koop",
        "tg-tm": "tg_koop",
        "viability-literature": "viability_literature",
        "viability-wetlab": "viability_wetlab",
    }
)
"""Manifest of the data set that each model learns from."""

# No meaning; changing it changes the bytes of every model that is trained without a seed of its own.
DEFAULT_SEED = 20261122
MAX_SEED = 2**31 - 1
# Below 400 rows a longer search finds the noise of its own folds.
MAX_TRIALS = 50
