"""Voxel scores: known answers, and what each is blind to."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from healthward.errors import InputError
from healthward.maps.fused import OPTIONAL, FusedCubes
from healthward.maps.scores import SCORES, make_scores, read_scores, save_scores
from healthward.names import SCORES as NAMES
from healthward.names import cubes_for

SHAPE = (20, 20, 20)
INSIDE = (slice(8, 12),) * 3


def fused(change: float = 0.2, error: float = 0.0) -> FusedCubes:
    """A brain whose disease darkens a block by `change`, and a network that errs by `error` everywhere."""
    rng = np.random.default_rng(0)
    healthy = (0.5 + 0.1 * rng.random(SHAPE)).astype(np.float32)
    scan = healthy.copy()
    scan[INSIDE] -= change
    darker = np.zeros(SHAPE, dtype=np.float32)
    darker[INSIDE] = 0.2
    off = (error * rng.standard_normal(SHAPE)).astype(np.float32)
    return FusedCubes(
        input=scan,
        unguided=scan + off,
        healthy=healthy + off,
        health_direction=scan - healthy,
        class_direction=darker,
        denoising_error=scan - healthy + off,
        ensemble=np.stack([healthy + 0.01, healthy - 0.01]).astype(np.float32),
        perceptual=np.full(SHAPE, 0.5, dtype=np.float32),
    )


def block(name: str, made: FusedCubes) -> tuple[float, float]:
    """Return a score's mean within the block and away from it."""
    score = SCORES[name](made)
    assert score.shape == SHAPE
    assert np.isfinite(score).all()
    away = np.ones(SHAPE, dtype=bool)
    away[5:15, 5:15, 5:15] = False
    return float(score[INSIDE].mean()), float(score[away].mean())


@pytest.mark.parametrize(
    "name", [name for name in SCORES if name not in ("round_trip", "ssim_ensemble", "deformation")]
)
def test_disease_is_seen_where_it_is(name: str) -> None:
    inside, away = block(name, fused())
    assert inside > 10 * abs(away)


@pytest.mark.parametrize(("name", "value"), [("anomaly", 0.2), ("signed", 0.2), ("contrast", 0.2), ("forward", 0.2)])
def test_differences_are_in_scaled_intensity(name: str, value: float) -> None:
    assert block(name, fused())[0] == pytest.approx(value, rel=1e-4)


def test_contrasts_are_free_of_the_networks_error() -> None:
    clean, noisy = fused(), fused(error=0.05)
    np.testing.assert_allclose(SCORES["contrast"](noisy), SCORES["contrast"](clean), atol=1e-6)
    assert block("anomaly", noisy)[1] > 0.03
    assert block("likeness", noisy)[1] < 0.001


def test_residual_is_of_either_sign_and_quiet_where_the_network_errs_from_voxel_to_voxel() -> None:
    darker, brighter = fused(error=0.05), fused(change=-0.2, error=0.05)
    for made in (darker, brighter):
        inside, away = block("residual", made)
        assert inside > 0.05
        assert away < 0.2 * float(np.abs(made.denoising_error[:4]).mean())


def test_likeness_ignores_change_in_the_other_direction_and_healthy_brains() -> None:
    assert block("likeness", fused(change=-0.2))[0] == 0
    assert block("likeness", fused(change=0))[0] == 0
    assert block("class_contrast", fused(change=0))[0] == pytest.approx(0.2, rel=1e-4)


def test_structure_scores_see_structure() -> None:
    made = fused()
    shifted = replace(made, input=np.roll(made.input, 1, axis=0))
    same = replace(made, input=made.healthy)
    for name in ("ssim_ensemble", "deformation"):
        assert SCORES[name](shifted).mean() > 10 * SCORES[name](same).mean()


def test_deformation_measures_change_of_volume() -> None:
    along = np.linspace(-1, 1, 40)
    radius = np.sqrt(along[:, None, None] ** 2 + along[:, None] ** 2 + along**2)

    def ball(edge: float) -> np.ndarray:
        return (1 / (1 + np.exp((radius - edge) / 0.05))).astype(np.float32)

    shrunken = FusedCubes(ball(0.5), ball(0.5), ball(0.58), ball(0.5), ball(0.5))
    score = SCORES["deformation"](shrunken)
    assert score[radius < 0.8].mean() > 5 * score[radius > 1.1].mean()


def test_cubes_that_scores_take_are_named_once() -> None:
    assert cubes_for(["anomaly", "likeness"]) == []
    assert cubes_for(["perceptual_anomaly", "forward", "mahalanobis"]) == [
        "ensemble",
        "health_direction",
        "perceptual",
    ]


@pytest.mark.parametrize("name", SCORES)
def test_a_score_takes_the_cubes_that_it_is_said_to_take_and_no_others(name: str) -> None:
    taken, other = (
        {part: None for part in OPTIONAL if (part in NAMES[name].cubes) == taken} for taken in (True, False)
    )
    assert np.isfinite(SCORES[name](replace(fused(), **other))).all()
    if taken:
        with pytest.raises(ValueError, match="without what this score needs"):
            SCORES[name](replace(fused(), **taken))


def test_scores_are_read_back_by_name(tmp_path: Path) -> None:
    save_scores(tmp_path / "scores.npz", make_scores(fused(), ["anomaly", "likeness"]))
    assert set(read_scores(tmp_path / "scores.npz")) == {"anomaly", "likeness"}
    with pytest.raises(InputError, match=r"scores.npz: lacks the score contrast; name it in map.py --scores"):
        read_scores(tmp_path / "scores.npz", ["contrast"])


def test_names_are_the_same_everywhere() -> None:
    assert tuple(SCORES) == tuple(NAMES)
