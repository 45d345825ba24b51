from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks.baselines import forward_only, mean_map, one_step, plain_ddim, tutorial, z_map
from healthward.diffusion.sampler import NoiseSchedule, move
from healthward.diffusion.translation import Settings, decodings
from healthward.labels import NULL_CONDITION
from unit.test_model import random_model

CPU = torch.device("cpu")
HEALTHY = 1
SLICES = np.random.default_rng(0).random((3, 16, 16), dtype=np.float32)
MAPS = {
    "one_step": lambda model, batch=None: one_step(model, SLICES, HEALTHY, 400, 0, CPU, batch=batch),
    "forward_only": lambda model, batch=None: forward_only(model, SLICES, HEALTHY, 400, 0, CPU, batch=batch),
    "tutorial": lambda model, batch=None: tutorial(model, SLICES, HEALTHY, CPU, encode=5, batch=batch),
    "plain_ddim": lambda model, batch=None: plain_ddim(model, SLICES, HEALTHY, Settings(3, 99, 4, 2), CPU, batch=batch),
}


class Oracle(torch.nn.Module):
    """Knows the clean slices, and so the noise; counts evaluations and notes timesteps.

    Under the null token it errs by a constant.
    """

    def __init__(self, error: float = 0.0) -> None:
        super().__init__()
        self.error, self.evaluations, self.timesteps = error, 0, []

    def forward(self, x, timestep, condition):
        self.evaluations += len(x)
        self.timesteps.append(int(timestep[0]))
        clean = torch.from_numpy(SLICES)[:, None].repeat(len(x) // len(SLICES), 1, 1, 1)
        signal = NoiseSchedule().signal(int(timestep[0]))
        error = self.error * (condition == NULL_CONDITION)[:, None, None, None]
        return (x - signal**0.5 * (clean + error)) / (1 - signal) ** 0.5


@pytest.mark.parametrize("name", MAPS)
def test_maps_are_of_the_slices_shape_whatever_the_batch(name):
    model = random_model()
    whole, single = MAPS[name](model), MAPS[name](model, batch=1)
    assert whole.shape == SLICES.shape
    assert whole.dtype == np.float32
    assert (whole >= 0).all()
    assert whole.max() > 0
    np.testing.assert_allclose(single, whole, rtol=1e-3, atol=1e-4)


def test_an_oracle_reconstructs_the_slices_in_one_step():
    oracle = Oracle()
    assert one_step(oracle, SLICES, HEALTHY, 400, 0, CPU).max() < 1e-5
    assert oracle.timesteps == [99, 199, 299]


def test_forward_only_shows_what_the_class_changes():
    oracle = Oracle(error=0.1)
    change = forward_only(oracle, SLICES, HEALTHY, 400, 0, CPU)
    np.testing.assert_allclose(change, 0.1, atol=1e-4)
    assert sorted(set(oracle.timesteps)) == list(range(39, 400, 40))
    # Both predictions of all ten levels
    assert oracle.evaluations == 20 * len(SLICES)


def test_the_tutorial_takes_375_evaluations_and_its_own_timesteps():
    oracle = Oracle()
    tutorial(oracle, SLICES, HEALTHY, CPU)
    assert oracle.evaluations == 375 * len(SLICES)
    assert oracle.timesteps == [*range(125), *range(125, 0, -1)]


def test_the_tutorial_moves_the_image_twice_as_far_as_it_tells_the_network():
    class White(torch.nn.Module):
        def forward(self, x, timestep, condition):
            return torch.ones_like(x)

    # One step there, to timestep 2, and one back, from timestep 1
    difference = tutorial(White(), SLICES, HEALTHY, CPU, encode=1)
    start, given, there = (NoiseSchedule().signal(timestep) for timestep in (0, 1, 2))
    encoded = move(SLICES, 1, start, there)
    np.testing.assert_allclose(difference, np.abs(SLICES - move(encoded, 1, given, 1)), atol=1e-5)


def test_plain_ddim_is_our_translation_without_iterations():
    model, settings = random_model(), Settings(3, 99, 4, 2)
    [healthy], _ = decodings(model, SLICES, [HEALTHY], replace(settings, inversion_iterations=0), CPU)
    np.testing.assert_array_equal(plain_ddim(model, SLICES, HEALTHY, settings, CPU), np.abs(SLICES - healthy))
    [iterated], _ = decodings(model, SLICES, [HEALTHY], settings, CPU)
    assert np.abs(iterated - healthy).max() > 1e-4


def test_z_scores_of_quiet_voxels_stay_bounded():
    mean, deviation = np.full(5, 0.5, np.float32), np.array([0, 1e-6, 0.1, 0.1, 0.2], np.float32)
    cube = mean + np.float32(0.1)
    np.testing.assert_allclose(mean_map(cube, mean), 0.1, rtol=1e-5)
    z = z_map(cube, mean, deviation)
    assert z.dtype == np.float32
    np.testing.assert_allclose(z, [2**0.5, 2**0.5, 1, 1, 1 / 2.5**0.5], rtol=1e-4)
    np.testing.assert_allclose(z_map(cube, mean, deviation, shrinkage=1), 1, rtol=1e-4)
