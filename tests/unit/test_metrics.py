"""Slice metrics: agreement with the reference implementations, batches, brain variants, the Fréchet distance."""

import numpy as np
import piq
import pytest
import torch
from scipy.linalg import sqrtm
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import Tensor
from torchmetrics.functional.image import multiscale_structural_similarity_index_measure
from torchmetrics.image.fid import FrechetInceptionDistance

from healthward.evaluation.metrics import (
    PSNR_CEILING,
    frechet_distance,
    isolate_brain,
    ms_ssim,
    psnr,
    region_mean,
    scale_count,
    slice_metrics,
    ssim_map,
    vsi,
)

WITHOUT_WEIGHTS = ("ssim", "ms_ssim", "psnr", "vsi")


def blobs(count: int, side: int, seed: int = 0) -> Tensor:
    """Smooth random slices (count, side, side) in [0, 1] with a black border."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 1, 8, 8, generator=generator)
    coarse[:, :, [0, -1]] = coarse[:, :, :, [0, -1]] = 0
    return torch.nn.functional.interpolate(coarse, (side, side), mode="bicubic").clamp(0, 1)[:, 0]


def noisy(images: Tensor, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (images + 0.08 * torch.randn(images.shape, generator=generator)).clamp(0, 1)


def disc(count: int, side: int, radius: float) -> Tensor:
    """A bool mask (count, side, side) of a disc in the middle."""
    along = torch.arange(side) - (side - 1) / 2
    return (along[:, None] ** 2 + along**2 < radius**2).expand(count, side, side)


def test_ssim_agrees_with_scikit_image_off_the_border() -> None:
    x, y = blobs(2, 96).double(), noisy(blobs(2, 96)).double()
    for k in range(2):
        mean, full = structural_similarity(
            x[k].numpy(),
            y[k].numpy(),
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=1,
            full=True,
        )
        ours = ssim_map(x[k, None], y[k, None])[0, 5:-5, 5:-5]
        np.testing.assert_allclose(ours, full[5:-5, 5:-5], atol=1e-6)
        single_precision = ssim_map(x[k, None].float(), y[k, None].float())[0, 5:-5, 5:-5]
        assert float(single_precision.mean()) == pytest.approx(mean, abs=1e-5)


def test_psnr_agrees_with_scikit_image() -> None:
    x, y = blobs(3, 64), noisy(blobs(3, 64))
    ours = psnr((x - y).square().mean(dim=(1, 2)))
    theirs = [peak_signal_noise_ratio(a.numpy(), b.numpy(), data_range=1) for a, b in zip(x, y, strict=True)]
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)


def test_vsi_agrees_with_piq_image_by_image() -> None:
    x, y = blobs(3, 64), noisy(blobs(3, 64))
    theirs = [float(piq.vsi(a.expand(1, 3, -1, -1), b.expand(1, 3, -1, -1))) for a, b in zip(x, y, strict=True)]
    np.testing.assert_allclose(vsi(x, y), theirs, atol=1e-5)


@pytest.mark.parametrize(("side", "scales"), [(32, 2), (64, 3), (96, 3), (128, 4), (168, 4), (176, 5), (512, 5)])
def test_ms_ssim_takes_the_scales_that_fit(side: int, scales: int) -> None:
    assert scale_count(side) == scales
    x = blobs(1, side)
    assert float(ms_ssim(x, x, scales)) == pytest.approx(1)
    assert 0 < float(ms_ssim(x, noisy(x), scales)) < 1


@pytest.mark.parametrize("side", [32, 64, 128])
def test_ms_ssim_could_not_take_one_scale_more(side: int) -> None:
    x = blobs(1, side)
    with pytest.raises(ValueError, match="must be larger"):
        ms_ssim(x, x, scale_count(side) + 1)


def test_ms_ssim_on_five_scales_is_the_standard_one() -> None:
    x, y = blobs(2, 256), noisy(blobs(2, 256))
    standard = multiscale_structural_similarity_index_measure(x[:, None], y[:, None], data_range=1.0, reduction="none")
    np.testing.assert_allclose(ms_ssim(x, y, 5), standard, atol=1e-6)


def test_ms_ssim_of_inverted_contrast_is_a_number() -> None:
    x = blobs(2, 128)
    assert torch.isfinite(ms_ssim(x, 1 - x, 4)).all()


def test_identical_slices() -> None:
    x = blobs(6, 64).reshape(3, 2, 64, 64)
    values = slice_metrics(x, x, disc(6, 64, 20).reshape(x.shape), WITHOUT_WEIGHTS)
    for suffix in ("", "_brain"):
        np.testing.assert_allclose(values[f"psnr{suffix}"], PSNR_CEILING, rtol=1e-6)
        for name in ("ssim", "ms_ssim", "vsi"):
            np.testing.assert_allclose(values[name + suffix], 1, atol=1e-5)


@pytest.mark.parametrize("side", [32, 128])
def test_a_stack_is_measured_as_its_slices_are(side: int) -> None:
    x = blobs(60 if side == 128 else 6, side).reshape(3, -1, side, side)
    y, brain = noisy(x), disc(x[:, :, 0, 0].numel(), side, side / 3).reshape(x.shape)
    together = slice_metrics(x, y, brain, ("ssim", "ms_ssim", "psnr"))
    for axis, k in [(0, 0), (1, 1), (2, x.shape[1] - 1)]:
        one = (slice(axis, axis + 1), slice(k, k + 1))
        alone = slice_metrics(x[one], y[one], brain[one], ("ssim", "ms_ssim", "psnr"))
        for name, values in alone.items():
            assert together[name][axis * x.shape[1] + k] == pytest.approx(float(values[0]), abs=1e-5), name


def test_error_outside_the_brain_leaves_the_brain_variants_alone() -> None:
    x = blobs(3, 128).reshape(3, 1, 128, 128)
    brain = disc(3, 128, 30).reshape(x.shape)
    far = ~disc(3, 128, 45).reshape(x.shape)
    y = torch.where(far, 1 - x, x)
    values = slice_metrics(x, y, brain, WITHOUT_WEIGHTS)
    for name in WITHOUT_WEIGHTS:
        np.testing.assert_array_less(values[name], values[f"{name}_brain"])
        perfect = PSNR_CEILING if name == "psnr" else 1
        np.testing.assert_allclose(values[f"{name}_brain"], perfect, rtol=1e-5)


def test_a_slice_without_brain_has_no_brain_value() -> None:
    x = blobs(4, 64).reshape(2, 2, 64, 64)
    brain = disc(4, 64, 20).reshape(x.shape).clone()
    brain[1, 0] = False
    values = slice_metrics(x, noisy(x), brain, WITHOUT_WEIGHTS)
    for name in WITHOUT_WEIGHTS:
        assert np.isnan(values[f"{name}_brain"]).tolist() == [False, False, True, False]
        assert np.isfinite(values[name]).all()


def test_a_scan_without_brain_is_still_measured() -> None:
    x = blobs(3, 64).reshape(3, 1, 64, 64)
    values = slice_metrics(x, noisy(x), torch.zeros(x.shape, dtype=torch.bool), WITHOUT_WEIGHTS)
    assert np.isfinite([values[name] for name in WITHOUT_WEIGHTS]).all()
    assert np.isnan([values[f"{name}_brain"] for name in WITHOUT_WEIGHTS]).all()


def test_region_mean() -> None:
    values = torch.tensor([[[1.0, 3.0], [5.0, 100.0]]])
    assert region_mean(values, torch.tensor([[[True, True], [False, False]]])).tolist() == [2.0]


def test_isolated_slices_hold_all_of_the_brain_and_nothing_else() -> None:
    stack = torch.ones(3, 2, 256, 256)
    brain = torch.zeros(stack.shape, dtype=torch.bool)
    brain[0, 0, 3:200, 100:110] = True  # the longest extent sets the side for all axes
    brain[1, 1, 250:, 250:] = True  # in a corner: the window stays inside the frame
    brain[2, 0, 120:130, 120:130] = True
    isolated = isolate_brain(stack, brain)
    assert isolated.shape == (6, 197, 197)
    assert isolated.sum(dim=(1, 2)).tolist() == [1970, 0, 0, 36, 100, 0]


def test_a_small_brain_keeps_the_scales_of_the_frame() -> None:
    isolated = isolate_brain(torch.ones(1, 1, 128, 128), disc(1, 128, 10)[None])
    assert scale_count(isolated.shape[-1]) == scale_count(128)


class Identity(torch.nn.Module):
    num_features = 24

    def forward(self, features: Tensor) -> Tensor:
        return features


@pytest.mark.parametrize("rows", [(12, 9), (24, 40), (200, 100)])
def test_frechet_distance_is_that_of_torchmetrics(rows: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=(rows[0], 24)).astype(np.float32)
    b = (rng.normal(size=(rows[1], 24)) * np.linspace(0.2, 2, 24) + 0.5).astype(np.float32)
    fid = FrechetInceptionDistance(feature=Identity())
    fid.update(torch.from_numpy(a), real=True)
    fid.update(torch.from_numpy(b), real=False)
    assert frechet_distance(a, b) == pytest.approx(float(fid.compute()), rel=1e-4)


def test_frechet_distance_is_that_of_the_definition() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(50, 5)).astype(np.float32), 1 + rng.normal(size=(60, 5)).astype(np.float32) * 3
    first, second = np.cov(a.T.astype(float)), np.cov(b.T.astype(float))
    shift = ((a.mean(axis=0, dtype=float) - b.mean(axis=0, dtype=float)) ** 2).sum()
    expected = shift + np.trace(first + second - 2 * np.real(sqrtm(first @ second)))
    assert frechet_distance(a, b) == pytest.approx(expected)


def test_frechet_distance_of_equal_sets_is_zero() -> None:
    features = np.random.default_rng(0).normal(size=(30, 64)).astype(np.float32)
    assert frechet_distance(features, features[::-1].copy()) == pytest.approx(0, abs=1e-9)


def test_frechet_distance_needs_two_rows() -> None:
    assert np.isnan(frechet_distance(np.ones((1, 4), dtype=np.float32), np.ones((9, 4), dtype=np.float32)))
