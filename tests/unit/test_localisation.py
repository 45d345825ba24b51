"""Voxel scores: known answers, maps of any range, what cannot be determined."""

import numpy as np
import pytest
from scipy import stats

from healthward.evaluation.localisation import voxel_scores

EVERYWHERE = np.ones(4, dtype=bool)


def test_known_answers() -> None:
    truth = np.array([False, True, False, True])
    perfect = voxel_scores(np.array([0.1, 0.8, 0.2, 0.9], dtype=np.float32), truth, EVERYWHERE)
    assert perfect == pytest.approx((0.5, 1.0, 1.0))
    reversed_order = voxel_scores(np.array([0.9, 0.2, 0.8, 0.1], dtype=np.float32), truth, EVERYWHERE)
    # the anomalous voxels come third and fourth: precision 1/3 and 2/4
    assert reversed_order == pytest.approx((0.5, (1 / 3 + 2 / 4) / 2, 0.0))


def test_a_constant_map_is_at_chance() -> None:
    scores = voxel_scores(np.full(4, 0.3, dtype=np.float32), np.array([True, False, False, False]), EVERYWHERE)
    assert scores == pytest.approx((0.25, 0.25, 0.5))


def test_only_the_region_counts() -> None:
    truth = np.array([True, False, True, False])
    anomaly = np.array([0.9, 0.1, 0.0, 1.0], dtype=np.float32)
    region = np.array([True, True, False, False])
    assert voxel_scores(anomaly, truth, region) == pytest.approx((0.5, 1.0, 1.0))


@pytest.mark.parametrize(("scale", "offset"), [(1.0, 0.0), (300.0, -40.0), (1e-6, 0.0)])
def test_only_the_order_of_voxels_counts(scale: float, offset: float) -> None:
    rng = np.random.default_rng(0)
    truth = rng.random((40, 40, 40)) < 0.02
    region = rng.random(truth.shape) < 0.6
    # rounded, so that many voxels tie
    anomaly = np.round(rng.random(truth.shape) + 0.3 * truth, 3).astype(np.float32)
    scores = voxel_scores(anomaly * np.float32(scale) + np.float32(offset), truth, region)
    assert scores == pytest.approx(voxel_scores(anomaly, truth, region), abs=1e-4)
    found, rest = anomaly[region & truth], anomaly[region & ~truth]
    assert scores.prevalence == pytest.approx(len(found) / region.sum())
    assert scores.auroc == pytest.approx(stats.mannwhitneyu(found, rest).statistic / (len(found) * len(rest)), abs=1e-4)
    assert scores.auprc > 1.2 * scores.prevalence


@pytest.mark.parametrize("anomalous", [False, True])
def test_nothing_to_tell_apart(anomalous: bool) -> None:
    scores = voxel_scores(np.arange(4, dtype=np.float32), np.full(4, anomalous), EVERYWHERE)
    assert scores.prevalence == float(anomalous)
    assert np.isnan([scores.auprc, scores.auroc]).all()


def test_an_empty_region_has_no_scores() -> None:
    assert np.isnan(voxel_scores(np.zeros(4, dtype=np.float32), EVERYWHERE, ~EVERYWHERE)).all()
