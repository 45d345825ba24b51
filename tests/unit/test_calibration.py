"""The norm of controls: known answers, and rates that the controls keep."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from healthward.errors import InputError
from healthward.imaging.slices import ScanRecord, ScanSlices, cut
from healthward.imaging.volumes import Geometry
from healthward.norms.calibration import FEWEST_CONTROLS, Norm, fit_norm, prepare, read_norm

SHAPE = (16, 16, 16)


def drawn(seed: int, subjects: int) -> Iterator[tuple[str, np.ndarray]]:
    """Scores whose mean and spread differ from voxel to voxel, the spread smoothly."""
    rng = np.random.default_rng(seed)
    spread = 0.5 + np.linspace(0, 1, 16)[:, None, None]
    for number in range(subjects):
        score = np.arange(16)[None, :, None] + spread * rng.standard_normal(SHAPE)
        score[:2] = np.nan
        yield f"s{seed}-{number}", score.astype(np.float32)


@pytest.fixture(scope="module")
def norm(tmp_path_factory: pytest.TempPathFactory) -> Norm:
    return fit_norm(drawn(1, 24), spacing=4.0, folder=tmp_path_factory.mktemp("norm"))


def test_smooth_variance_is_recovered_though_each_voxel_has_few_controls(norm: Norm) -> None:
    expected = np.broadcast_to((0.5 + np.linspace(0, 1, 16)[:, None, None]) ** 2, SHAPE)
    known = norm.count >= FEWEST_CONTROLS
    assert known[2:].all()
    assert not known[:2].any()
    inner = (slice(5, 13),) * 3
    assert norm.strength > 20
    np.testing.assert_allclose(norm.prior[inner].mean(), expected[inner].mean(), rtol=0.1)


def test_unseen_controls_keep_the_rate(norm: Norm) -> None:
    departures = [norm.compare(score, subject) for subject, score in drawn(2, 20)]
    for rate in (0.01, 0.05):
        positive = np.concatenate([(found.p < rate)[2:].ravel() for found in departures])
        assert positive.mean() == pytest.approx(rate, rel=0.15)


def test_control_is_compared_with_the_others_only(norm: Norm, tmp_path: Path) -> None:
    (subject, score), *others = drawn(1, 24)
    without = fit_norm(iter(others), spacing=4.0, folder=tmp_path)
    assert subject in norm
    assert subject not in without
    own, unseen = (found.z(score, subject)[2:] for found in (norm, without))
    # The prior alone still knows the scan, as one of 24
    np.testing.assert_allclose(own, unseen, atol=0.05 * np.abs(unseen).max())


def test_planted_change_is_found_at_the_rate_of_false_discoveries(norm: Norm) -> None:
    subject, score = next(drawn(3, 1))
    changed = np.zeros(SHAPE, dtype=bool)
    changed[6:10, 6:10, 6:10] = True
    found = norm.compare(np.where(changed, score + 12, score), subject)
    called = found.q < 0.05
    assert called[changed].mean() > 0.95
    assert called[~changed].sum() <= 0.1 * called.sum()
    assert np.isnan(found.q[:2]).all()


def test_z_is_that_of_one_case_against_a_sample_when_variances_are_equal(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    maps = rng.standard_normal((30, *SHAPE)).astype(np.float32)
    norm = fit_norm(((f"s{n}", score) for n, score in enumerate(maps)), spacing=4.0, folder=tmp_path)
    z = norm.z(np.full(SHAPE, 2, dtype=np.float32), "new")
    expected = (2 - maps.mean(axis=0)) / np.sqrt(1 + 1 / 30)
    assert stats.pearsonr(z.ravel(), expected.ravel()).statistic > 0.97
    np.testing.assert_allclose(z.mean(), expected.mean(), rtol=0.03)


def test_scans_of_a_subject_count_as_one(tmp_path: Path) -> None:
    maps = [(f"s{n // 2}", np.full(SHAPE, n, dtype=np.float32)) for n in range(14)]
    norm = fit_norm(maps, spacing=4.0, folder=tmp_path)
    assert norm.subjects == 7
    np.testing.assert_allclose(norm.total / norm.count, 6.5)
    np.testing.assert_array_equal(read_norm(tmp_path).null, norm.null)


def test_too_few_controls_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="5 held-out control subjects; it takes 6"):
        fit_norm(drawn(1, 5), spacing=4.0, folder=tmp_path)


def test_surface_lone_voxels_and_what_no_slice_goes_through_are_left_out() -> None:
    score = np.zeros(SHAPE, dtype=np.float32)
    score[8, 8, 8] = 1
    brain = np.zeros(SHAPE, dtype=bool)
    brain[3:13, 3:13, 3:13] = True
    for first, count, known in ((0, 16, 8**3), (4, 2, 8**3 - 6**3)):
        # 3 mm a voxel: one voxel of surface
        record = ScanRecord("s1", "p1", "CN", "test", 16, first, count, 48.0, "")
        geometry = Geometry(SHAPE, np.eye(4), np.eye(4), np.eye(4), 0.0, 1.0)
        scan = ScanSlices(record, geometry, cut(score, first, count), score, brain, None)
        prepared = prepare(score, scan)
        assert np.isfinite(prepared).sum() == known
        assert np.nanmax(prepared) == 0
