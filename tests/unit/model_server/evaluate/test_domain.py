"""Similarity measures of the domain: what lies with the training rows is near, what lies off them is far."""

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf

from model_server.evaluate.domain import mahalanobis_measure, neighbour_measure, shrunk_covariance


@pytest.fixture(scope="module")
def correlated():
    """Sixty rows on a line, then one among them and one as far beside it."""
    chance = np.random.default_rng(1)
    along = chance.normal(size=60)
    rows = np.column_stack([along, along + 0.05 * chance.normal(size=60), np.full(60, 3.0)])
    return np.concatenate([rows, [[0.2, 0.2, 3.0], [1.5, -1.5, 3.0]]]).astype(np.float32)


@pytest.mark.parametrize("make", [mahalanobis_measure, lambda x: neighbour_measure(x, neighbours=5)])
def test_row_beside_the_others_is_less_similar_than_one_among_them(correlated, make):
    along, beside = make(correlated)(np.arange(60), np.array([60, 61]))

    assert 0.0 < beside < 0.3 < along <= 1.0


def test_measure_learns_from_training_rows_alone(correlated):
    changed = correlated.copy()
    changed[61] = 99.0
    train, test = np.arange(60), np.array([60])

    assert mahalanobis_measure(correlated)(train, test) == mahalanobis_measure(changed)(train, test)


@pytest.mark.parametrize(("rows", "columns"), [(30, 5), (20, 40), (200, 10)])
def test_shrinkage_is_that_of_scikit_learn(rows, columns):
    given = np.random.default_rng(2).normal(size=(rows, columns)) @ np.random.default_rng(3).normal(
        size=(columns, columns)
    )
    given -= given.mean(axis=0)

    assert np.allclose(shrunk_covariance(given), ledoit_wolf(given, assume_centered=True)[0])
