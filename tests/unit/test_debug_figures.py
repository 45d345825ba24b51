"""Every step of a translation, and the figures of it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from healthward.diffusion.model import Architecture, ConditionalUNet
from healthward.diffusion.sampler import NoiseSchedule, decode, decoding_steps, timestep_pairs
from healthward.diffusion.translation import Settings, Trace, trace, translate
from healthward.imaging.slices import ScanRecord, ScanSlices
from healthward.imaging.volumes import Geometry
from healthward.report.debug_figures import MOST_STEPS, RESOLUTION, chosen_slices, plot_steps, plot_trajectory

CPU = torch.device("cpu")
SETTINGS = Settings(guidance_scale=2.0, noise_depth=99, ddim_steps=4, inversion_iterations=2)
NAMES = ["axial 3", "axial 4"]


@pytest.fixture(scope="module")
def model() -> ConditionalUNet:
    torch.manual_seed(0)
    return ConditionalUNet(Architecture((16, 16), (False, True), 1, 16, 8)).eval()


@pytest.fixture(scope="module")
def slices() -> np.ndarray:
    return np.random.default_rng(0).random((2, 16, 16), dtype=np.float32)


@pytest.fixture(scope="module")
def steps(model: ConditionalUNet, slices: np.ndarray) -> Trace:
    return trace(model, slices, 1, SETTINGS, CPU)


def width(picture: Path) -> int:
    with Image.open(picture) as opened:
        return opened.width


def test_trace_ends_where_the_translation_does(model: ConditionalUNet, slices: np.ndarray, steps: Trace) -> None:
    translation = translate(model, slices, 1, SETTINGS, CPU)
    np.testing.assert_array_equal(steps.healthy, translation.healthy)
    np.testing.assert_array_equal(steps.unguided, translation.unguided)
    np.testing.assert_array_equal(steps.input, slices)
    assert steps.timesteps == (99, 74, 49, 24)
    assert steps.clean.shape == (4, 2, 16, 16)
    # The last step ends at the clean image that it predicts
    np.testing.assert_allclose(steps.clean[-1].clip(0, 1), steps.healthy, atol=1e-6)


def test_decoding_is_its_steps_to_the_end() -> None:
    def denoise(x: torch.Tensor, timestep: int) -> torch.Tensor:
        return x * timestep / 100

    latent, schedule, pairs = torch.randn(2, 1, 4, 4), NoiseSchedule(), timestep_pairs(99, 3)
    taken = list(decoding_steps(denoise, latent, pairs, schedule))
    assert [step.timestep for step in taken] == [99, 66, 32]
    assert torch.equal(taken[-1].latent, decode(denoise, latent, pairs, schedule))
    signal = schedule.signal(99)
    torch.testing.assert_close(taken[0].clean, (latent - (1 - signal) ** 0.5 * latent * 0.99) / signal**0.5)


@pytest.mark.parametrize(("count", "expected"), [(1, ["sagittal 5", "coronal 5", "axial 5"]), (20, 6)])
def test_slices_of_every_axis_are_chosen(count: int, expected: object) -> None:
    record = ScanRecord("s", "s", "CN", "test", 32, 5, count, 192.0, "")
    stack = np.arange(3 * count, dtype=np.float32).reshape(3, count, 1, 1) * np.ones((32, 32), np.float32)
    cube = np.zeros((32, 32, 32), np.float32)
    geometry = Geometry((32, 32, 32), np.eye(4), np.eye(4), np.eye(4), 0.0, 1.0)
    images, names = chosen_slices(ScanSlices(record, geometry, stack, cube, cube > 0, None))
    assert names == expected or len(names) == expected
    for image, name in zip(images, names, strict=True):
        axis, index = name.split()
        assert image[0, 0] == ["sagittal", "coronal", "axial"].index(axis) * count + int(index) - 5


def test_figures_show_the_steps_and_are_the_same_again(steps: Trace, tmp_path: Path) -> None:
    for draw in (plot_steps, plot_trajectory):
        files = [tmp_path / f"{draw.__name__}{number}.png" for number in range(2)]
        for file in files:
            draw(steps, NAMES, "ad0", file)
        assert files[0].read_bytes() == files[1].read_bytes()
    # Seven columns, and the input with four steps
    assert width(tmp_path / "plot_steps0.png") > width(tmp_path / "plot_trajectory0.png")


def test_a_long_trajectory_is_thinned_to_its_ends_and_between(steps: Trace, tmp_path: Path) -> None:
    times = tuple(range(49, -1, -1))
    clean = np.repeat(steps.clean[:1], len(times), axis=0)
    plot_trajectory(Trace(**{**vars(steps), "timesteps": times, "clean": clean}), NAMES, "ad0", tmp_path / "long.png")
    assert width(tmp_path / "long.png") == pytest.approx((1.5 * (MOST_STEPS + 1) + 0.4) * RESOLUTION, abs=1)
