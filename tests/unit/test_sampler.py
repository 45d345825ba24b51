import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from healthward.diffusion.sampler import CLEAN, TOLERANCE, NoiseSchedule, decode, invert, move, timestep_pairs

SCHEDULE = NoiseSchedule()
SIGNALS = SCHEDULE.signals()


class Gaussian:
    """The exact denoiser of images drawn from N(mean, spread²): all error of a round trip is the sampler's."""

    def __init__(self, spread: float = 0.2) -> None:
        generator = torch.Generator().manual_seed(0)
        self.mean = torch.rand(1, 1, 16, 16, generator=generator).double()
        self.spread = spread
        self.images = self.mean + spread * torch.randn(8, 1, 16, 16, generator=generator).double()
        self.evaluations = 0

    def __call__(self, x: torch.Tensor, timestep: int) -> torch.Tensor:
        self.evaluations += 1
        signal = SIGNALS[timestep]
        return (1 - signal).sqrt() * (x - signal.sqrt() * self.mean) / (signal * self.spread**2 + 1 - signal)


def round_trip_psnr(steps: int, depth: int, iterations: int) -> float:
    denoise = Gaussian()
    pairs = timestep_pairs(depth, steps)
    latent, _ = invert(denoise, denoise.images, pairs, SCHEDULE, iterations)
    error = decode(denoise, latent, pairs, SCHEDULE) - denoise.images
    return float(-10 * error.square().mean().log10())


def test_round_trip_of_an_exact_denoiser():
    assert round_trip_psnr(steps=50, depth=249, iterations=1) >= 60
    assert round_trip_psnr(steps=25, depth=249, iterations=3) >= 75
    assert round_trip_psnr(steps=50, depth=499, iterations=2) >= 60


def test_each_fixed_point_iteration_helps():
    errors = [round_trip_psnr(steps=25, depth=249, iterations=iterations) for iterations in range(5)]
    assert errors == sorted(errors)


def test_inversion_error_falls_as_the_fixed_point_is_reached():
    denoise = Gaussian()
    pairs = timestep_pairs(249, 25)
    errors = [invert(denoise, denoise.images, pairs, SCHEDULE, n)[1].max() for n in (1, 2, 6)]
    assert errors[0] > 10 * errors[1]
    assert errors[2] < TOLERANCE


@pytest.mark.parametrize(("iterations", "evaluations"), [(0, 25), (1, 26)])
def test_evaluations(iterations, evaluations):
    denoise = Gaussian()
    invert(denoise, denoise.images, timestep_pairs(249, 25), SCHEDULE, iterations)
    assert denoise.evaluations == evaluations


def test_iterations_end_when_the_fixed_point_is_reached():
    denoise = Gaussian()
    pairs = timestep_pairs(249, 25)
    latent, _ = invert(denoise, denoise.images, pairs, SCHEDULE, 50)
    assert denoise.evaluations < 3 * 25
    assert round_trip_psnr(steps=25, depth=249, iterations=50) >= 75
    # each image for itself: what shares its batch does not matter
    alone = torch.cat([invert(denoise, image[None], pairs, SCHEDULE, 50)[0] for image in denoise.images])
    torch.testing.assert_close(latent, alone)


def scripted(*noises: tuple[float, ...]):
    """Return a denoiser whose evaluations are given beforehand: each predicts one value in all pixels of an image."""
    script = iter(noises)

    def denoise(x: torch.Tensor, timestep: int) -> torch.Tensor:
        return torch.tensor(next(script)).double()[: len(x), None, None, None].expand_as(x).clone()

    return denoise


def test_a_fixed_point_that_runs_away_ends_where_it_changed_least():
    images, [pair] = torch.rand(3, 1, 4, 4).double(), timestep_pairs(99, 1)
    # The first comes close and runs away, the second runs away at once, the third comes closer to the end
    noises = [(0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (1.2, -1.0, 1.5), (1.3, 4.0, 1.75), (3.0, -9.0, 1.875)]
    latent, error = invert(scripted(*noises), images, [pair], SCHEDULE, 4)
    step = (1 - SCHEDULE.signal(99)) ** 0.5
    torch.testing.assert_close(error, step * torch.tensor([0.1, 1.0, 0.125]).double())
    best = torch.tensor([1.2, 0.0, 1.875]).double()[:, None, None, None]
    torch.testing.assert_close(latent, move(images, best, 1, SCHEDULE.signal(99)))


def test_the_inversion_error_is_that_of_the_latent_which_a_runaway_iteration_returns():
    def steep(x: torch.Tensor, timestep: int) -> torch.Tensor:
        return -6 * x

    images, [pair] = torch.rand(2, 1, 4, 4).double(), timestep_pairs(249, 1)
    latent, error = invert(steep, images, [pair], SCHEDULE, 5)
    again = move(images, steep(latent, pair[1]), 1, SCHEDULE.signal(pair[1]))
    torch.testing.assert_close(error, (again - latent).square().mean(dim=(1, 2, 3)).sqrt())
    for iterations in range(2, 5):
        torch.testing.assert_close(invert(steep, images, [pair], SCHEDULE, iterations)[0], latent)


def test_a_latent_that_is_not_finite_is_never_the_better_one():
    images, pairs = torch.rand(1, 1, 4, 4).double(), timestep_pairs(99, 1)
    latent, error = invert(scripted((0.0,), (1.0,), (1.5,), (float("nan"),)), images, pairs, SCHEDULE, 9)
    torch.testing.assert_close(latent, move(images, torch.ones_like(images), 1, SCHEDULE.signal(99)))
    assert error.isfinite().all()


def test_latents_of_a_gaussian_are_standard_normal_at_full_depth():
    # The exact chain maps the data's distribution to that of the noise, so a deep latent knows nothing of the mean.
    denoise = Gaussian()
    latent, _ = invert(denoise, denoise.images, timestep_pairs(999, 500), SCHEDULE, 1)
    assert abs(float(latent.mean())) < 0.1
    assert abs(float(latent.std()) - 1) < 0.1


@given(depth=st.integers(0, 999), data=st.data())
def test_grid_runs_from_clean_to_depth_in_rising_steps(depth, data):
    steps = data.draw(st.integers(1, depth + 1))
    pairs = timestep_pairs(depth, steps)
    assert len(pairs) == steps
    assert pairs[0][0] == CLEAN
    assert pairs[-1][1] == depth
    assert all(low < high for low, high in pairs)
    assert all(before[1] == after[0] for before, after in itertools.pairwise(pairs))


@pytest.mark.parametrize("steps", [0, 251])
def test_grid_of_impossible_length_is_refused(steps):
    with pytest.raises(ValueError, match="do not fit"):
        timestep_pairs(249, steps)


def test_move_there_and_back_with_the_same_noise_is_the_identity():
    x, noise = torch.randn(2, 1, 4, 4).double(), torch.randn(2, 1, 4, 4).double()
    torch.testing.assert_close(move(move(x, noise, 0.9, 0.3), noise, 0.3, 0.9), x)


def test_agrees_with_the_library_scheduler_at_stride_one():
    from generative.networks.schedulers import DDIMScheduler

    scheduler = DDIMScheduler(
        num_train_timesteps=1000,
        schedule="linear_beta",
        beta_start=1e-4,
        beta_end=2e-2,
        clip_sample=False,
    )
    scheduler.set_timesteps(1000)
    torch.testing.assert_close(scheduler.alphas_cumprod.double(), SIGNALS, rtol=1e-4, atol=1e-7)
    denoise = Gaussian()
    pairs = timestep_pairs(120, 121)
    theirs = denoise.images
    for timestep in reversed(range(121)):
        theirs, _ = scheduler.step(denoise(theirs, timestep), timestep, theirs)
    torch.testing.assert_close(decode(denoise, denoise.images, pairs, SCHEDULE), theirs, rtol=0, atol=2e-5)
