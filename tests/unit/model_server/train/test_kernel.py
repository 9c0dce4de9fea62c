import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import check_grad

from model_server.train.kernel import _loss, compare_rows, fit_kernel, overlap_counts


def rows(seed: int, n: int = 25) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.normal(size=(n, 3)), rng.integers(0, 4, size=(n, 5))]).astype(np.float32)
    return x, 200.0 + 30.0 * x[:, 0].astype(float) + 5.0 * x[:, 4]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), logs=st.lists(st.floats(-2.0, 1.0), min_size=5, max_size=5))
def test_gradient_of_the_likelihood_is_its_slope(seed, logs):
    x, y = rows(seed)
    smooth, counts = x[:, :3].astype(float), x[:, 3:].astype(float)
    terms = compare_rows(smooth, counts, smooth, counts)
    standard = (y - y.mean()) / y.std()

    error = check_grad(lambda v: _loss(v, terms, standard)[0], lambda v: _loss(v, terms, standard)[1], np.array(logs))

    assert error < 1e-3 * (1.0 + np.abs(_loss(np.array(logs), terms, standard)[1]).max())


def test_process_follows_its_training_rows_and_is_unsure_far_away():
    x, y = rows(1, n=60)
    fitted = fit_kernel(x, y, smooth=3)

    point, doubt = fitted.predict(x)
    _, far = fitted.predict(x + 50.0)

    assert np.abs(point - y).mean() < 5.0
    assert far.min() > doubt.max()


def test_line_is_continued_where_there_is_no_neighbour():
    x, y = rows(2, n=80)
    away = x[:1].copy()
    away[0, 0] = 8.0

    point, _ = fit_kernel(x, y, smooth=3).predict(away)

    assert point[0] > y.max() + 50.0


@given(st.lists(st.lists(st.integers(0, 9), min_size=4, max_size=4), min_size=1, max_size=6))
def test_overlap_is_one_with_itself_and_between_zero_and_one(counts):
    matrix = np.array(counts, dtype=float)

    overlap = overlap_counts(matrix, matrix)

    assert ((overlap >= 0.0) & (overlap <= 1.0)).all()
    assert all(value == 1.0 for value, row in zip(np.diag(overlap), matrix, strict=True) if row.sum())
