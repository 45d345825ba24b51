from dataclasses import replace

import numpy as np
import pytest
import torch

from healthward.diffusion.model import Architecture, ConditionalUNet
from healthward.diffusion.sampler import NoiseSchedule
from healthward.diffusion.translation import (
    OneStep,
    Settings,
    Translation,
    one_step,
    scan_log_odds,
    slice_errors,
    translate,
)
from healthward.imaging.slices import ScanRecord, ScanSlices, cut, fingerprint
from healthward.imaging.volumes import conform
from healthward.labels import ADNI
from healthward.maps.native import native_maps, remove_maps
from healthward.maps.reconstruction import Translator, slice_table
from healthward.names import MAPS
from phantoms import GRIDS, head_on

SETTINGS = Settings(guidance_scale=3.0, noise_depth=99, ddim_steps=4, inversion_iterations=2)
CPU = torch.device("cpu")
BRAIN = np.ones((5, 16, 16), dtype=bool)


def model() -> ConditionalUNet:
    torch.manual_seed(0)
    network = ConditionalUNet(Architecture((16, 16), (False, True), 1, 16, 8))
    with torch.no_grad():
        for weights in network.unet.parameters():
            weights.add_(0.03 * torch.randn_like(weights))
    return network.eval().requires_grad_(False)


def slices(count: int = 5) -> np.ndarray:
    return np.random.default_rng(0).random((count, 16, 16)).astype(np.float32)


def scan_on(name: str) -> tuple[ScanSlices, np.ndarray]:
    voxels, affine = head_on(name)
    conformed = conform(voxels, affine, 32, 192.0)
    stack = cut(conformed.cube, 11, 13)
    record = ScanRecord("s1", "p1", "AD", "test", 32, 11, 13, 192.0, fingerprint(stack))
    return ScanSlices(record, conformed.geometry, stack, conformed.cube, conformed.brain, None), voxels


def test_translation_does_not_depend_on_the_batch():
    whole = translate(model(), slices(), 1, SETTINGS, CPU, batch=5)
    parts = translate(model(), slices(), 1, SETTINGS, CPU, batch=2)
    np.testing.assert_allclose(whole.healthy, parts.healthy, atol=1e-4)
    np.testing.assert_allclose(whole.inversion_error, parts.inversion_error, atol=1e-4)


def test_translation_is_deterministic():
    first, second = (translate(model(), slices(), 1, SETTINGS, CPU) for _ in range(2))
    np.testing.assert_array_equal(first.healthy, second.healthy)
    np.testing.assert_array_equal(first.unguided, second.unguided)


def test_without_guidance_both_decodings_are_the_same():
    unguided = Settings(guidance_scale=0, noise_depth=99, ddim_steps=4, inversion_iterations=2)
    translation = translate(model(), slices(), 1, unguided, CPU)
    np.testing.assert_array_equal(translation.healthy, translation.unguided)


def test_target_class_matters():
    one, five = (translate(model(), slices(), ADNI.condition(label), SETTINGS, CPU) for label in ("CN", "AD"))
    assert np.abs(one.healthy - five.healthy).max() > 1e-3
    np.testing.assert_array_equal(one.unguided, five.unguided)


def test_one_step_changes_are_those_of_the_classes_predictions():
    forth = one_step(model(), slices(), BRAIN, 1, 5, 99, seed=0, device=CPU, blind=True)
    back = one_step(model(), slices(), BRAIN, 5, 1, 99, seed=0, device=CPU, batch=2, blind=True)
    for there, here in ((forth.class_direction, back.class_direction), (forth.log_odds, back.log_odds)):
        assert np.abs(there).max() > 0
        np.testing.assert_allclose(there, -here, atol=1e-5)
    # unguided to healthy and on to diseased is unguided to diseased
    np.testing.assert_allclose(forth.health_direction + forth.class_direction, back.health_direction, atol=1e-5)


class Oracle(ConditionalUNet):
    """Knows a clean slice of its own for class 5, and none for class 1."""

    def forward(self, x, timestep, condition):
        signal = NoiseSchedule().signal(int(timestep[0]))
        exact = (x - signal**0.5 * torch.from_numpy(slices()[:, None])) / (1 - signal) ** 0.5
        return exact if condition[0] == 5 else torch.zeros_like(x)


def test_log_odds_are_for_the_class_that_explains_the_noise():
    oracle = Oracle(Architecture((16, 16), (False, True), 1, 16, 8)).eval()
    found = one_step(oracle, slices(), BRAIN, 1, 5, 99, seed=0, device=CPU)
    np.testing.assert_allclose(found.log_odds, 1, rtol=0.2)
    # As the class that it knows, it restores its own slices and nothing that was added to them
    known = one_step(oracle, slices() + np.float32(0.25), BRAIN, 5, 1, 99, seed=0, device=CPU)
    np.testing.assert_allclose(known.denoising_error, 0.25, atol=1e-4)


def test_log_odds_are_of_the_brain_however_much_background_there_is():
    class Misled(Oracle):
        """Takes the background for the other class's."""

        def forward(self, x, timestep, condition):
            as_given = super().forward(x, timestep, condition)
            other = super().forward(x, timestep, torch.full_like(condition, 6 - int(condition[0])))
            return torch.where(torch.from_numpy(brain[:, None]), as_given, other)

    brain = np.zeros_like(BRAIN)
    for size in range(1, 5):
        brain[size, :size, :size] = True
    misled = Misled(Architecture((16, 16), (False, True), 1, 16, 8)).eval()
    found = one_step(misled, slices(), brain, 1, 5, 99, seed=0, device=CPU)
    assert np.isnan(found.log_odds[0])
    assert (found.log_odds[1:] > 0).all()
    np.testing.assert_allclose(found.log_odds[4], 1, rtol=0.5)
    whole = one_step(misled, slices(), BRAIN, 1, 5, 99, seed=0, device=CPU)
    assert (whole.log_odds < 0).all()


def test_the_log_odds_of_a_scan_are_of_its_brain_pixels():
    log_odds, pixels = np.array([np.nan, 1, 4, np.nan]), np.array([0, 10, 20, 0])
    assert scan_log_odds(log_odds, pixels) == 3
    assert scan_log_odds(log_odds, pixels / 256) == pytest.approx(3)
    assert np.isnan(scan_log_odds(log_odds[:1], pixels[:1]))


def test_the_noise_is_the_scans_own_under_any_name():
    scan, _ = scan_on("isotropic")
    small = replace(scan, record=replace(scan.record, first=15, count=2), stack=cut(scan.cube, 15, 2))
    voxels = np.array(small.stack)
    voxels[0, 0, 0, 0] += 1e-3
    changed = replace(small, record=replace(small.record, fingerprint=fingerprint(voxels)))
    renamed = replace(small, record=replace(small.record, scan="other", subject="q", label="CN", split="val"))

    def log_odds(scan: ScanSlices, seed: int = 0) -> np.ndarray:
        return Translator(model(), 1, 5, SETTINGS, CPU, seed=seed).one_step(scan).log_odds

    first = log_odds(small)
    np.testing.assert_array_equal(log_odds(renamed), first)
    assert not np.isclose(log_odds(changed), first, rtol=1e-3).any()
    assert not np.isclose(log_odds(small, seed=1), first, rtol=1e-3).any()


def test_slice_errors_flag_round_trips_that_drown_the_change():
    x = np.full((2, 4, 4), 0.5, dtype=np.float32)
    unguided = x + np.array([0.01, 0.1], dtype=np.float32)[:, None, None]
    translation = Translation(unguided - 0.05, unguided, np.zeros(2, dtype=np.float32))
    errors = slice_errors(x, translation)
    np.testing.assert_allclose(errors["round_trip_error"], [0.01, 0.1], rtol=1e-4)
    np.testing.assert_allclose(errors["guided_change"], [0.05, 0.05], rtol=1e-4)
    np.testing.assert_allclose(errors["round_trip_psnr"], [40, 20], rtol=1e-4)
    assert errors["unreliable"].tolist() == [False, True]


def test_an_inversion_that_leaves_more_open_than_guidance_changes_is_unreliable():
    x = np.full((4, 4, 4), 0.5, dtype=np.float32)
    healthy = x.copy()
    healthy[:, 0] += 0.2
    # A root mean square change of 0.1, on a quarter of the pixels
    inversion_error = np.array([0.09, 0.11, np.inf, np.nan], dtype=np.float32)
    errors = slice_errors(x, Translation(healthy, x, inversion_error))
    assert errors["unreliable"].tolist() == [False, True, True, True]


def test_slice_table_names_axis_and_index():
    scan, _ = scan_on("isotropic")
    flat = scan.stack.reshape(-1, 32, 32)
    log_odds = np.arange(len(flat), dtype=np.float32)
    table = slice_table(scan, Translation(flat, flat, log_odds), OneStep(flat, log_odds, flat))
    assert table.groupby("axis", sort=False)["index"].agg(["min", "max", "size"]).to_dict("index") == {
        axis: {"min": 11, "max": 23, "size": 13} for axis in ("sagittal", "coronal", "axial")
    }
    assert (table["round_trip_psnr"] == 100).all()
    assert (table["log_odds"] == range(39)).all()


@pytest.mark.parametrize("name", GRIDS)
def test_no_change_gives_the_scan_itself_and_empty_maps(name):
    scan, voxels = scan_on(name)
    maps = native_maps(scan, voxels, np.array(scan.stack), np.array(scan.stack))
    np.testing.assert_array_equal(maps.pseudohealthy, voxels)
    assert not maps.anomaly.any()
    assert not maps.contrast.any()


def test_a_change_lands_in_its_place_in_native_space():
    scan, voxels = scan_on("oblique, flipped")
    marked = scan.cube.copy()
    marked[14:18, 14:18, 14:18] -= 0.3
    maps = native_maps(scan, voxels, cut(marked, 11, 13), np.array(scan.stack))
    assert maps.anomaly.shape == voxels.shape
    centre = scan.geometry.cube_affine @ [15.5, 15.5, 15.5, 1]
    where = np.argwhere(maps.anomaly > 0.15).mean(axis=0)
    assert np.abs((scan.geometry.affine @ [*where, 1])[:3] - centre[:3]).max() < 3
    index = tuple(np.rint(np.linalg.solve(scan.geometry.affine, centre)[:3]).astype(int))
    scale = scan.geometry.brightest - scan.geometry.darkest
    assert maps.anomaly[index] == pytest.approx(0.3, abs=0.02)
    assert maps.contrast[index] == pytest.approx(0.3, abs=0.02)
    assert maps.confidence[index] == pytest.approx(1, abs=0.02)
    assert voxels[index] - maps.pseudohealthy[index] == pytest.approx(0.3 * scale, rel=0.1)


def test_maps_of_an_earlier_call_go_and_nothing_else_does(tmp_path):
    others = ["x_T1w.nii.gz", "x_zscore.nii.gz", "likeness.nii.gz", "stack.npz", "image_residual.nii.gz"]
    for name in [
        *others,
        *(f"{scan}_{kind}.nii.gz" for scan in ("x", "y_1") for kind in MAPS if not MAPS[kind].calibrated),
    ]:
        (tmp_path / name).touch()
    remove_maps(tmp_path, image=tmp_path / "image_residual.nii.gz")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(others)
