"""score.py: its tables and arrays, what weights change in them, and what it refuses."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from sklearn.metrics import average_precision_score, roc_auc_score

from healthward.evaluation.weights import BACKBONES
from healthward.imaging.slices import AXES, ScanRecord, cut, fingerprint, save_scan
from healthward.imaging.volumes import Conformed, Geometry
from healthward.maps.fused import FusedCubes
from healthward.maps.fusion import fuse
from healthward.maps.origin import origin_of, save_origin
from healthward.maps.scores import make_scores, save_scores
from healthward.names import METRICS, SLICE_METRICS
from random_weights import ALEXNET, save_alexnet, save_inception
from score import score

SIZE, FIRST, COUNT = 32, 14, 2
RECORD = ScanRecord("007", "NA", "AD", "test", SIZE, FIRST, COUNT, 192.0, "")
RECONSTRUCTION = [
    "round_trip_psnr",
    "round_trip_error",
    "guided_change",
    "inversion_error",
    "unreliable",
    "log_odds",
    "log_odds_of",
]
IDENTITY = ["scan", "subject", "label", "split"]
SUMMARY = [
    *("round_trip_psnr", "log_odds", "log_odds_of", "unreliable_fraction"),
    *("anomaly_mean", "anomaly_p99", "contrast_mean", "contrast_p99"),
    *("prevalence", "anomaly_auprc", "anomaly_auroc", "contrast_auprc", "contrast_auroc"),
]


class Case:
    """A scan and its reconstruction on disk, with what is known of them."""

    def __init__(self, folder: Path) -> None:
        rng = np.random.default_rng(0)
        along = np.arange(SIZE) - (SIZE - 1) / 2
        distance = np.sqrt(along[:, None, None] ** 2 + along[:, None] ** 2 + along**2)
        self.slices, self.reconstruction = folder / "slices", folder / "reconstructions" / RECORD.scan
        self.maps, self.out = folder / "maps" / RECORD.scan, folder / "out" / RECORD.scan
        self.brain = distance < 12
        self.cube = np.where(self.brain, rng.random(distance.shape), 0).astype(np.float32)
        self.truth = distance < 4
        self.unguided = self._changed(rng, 0.05)
        self.healthy = self._changed(rng, 0.05 + 0.2 * self.truth)
        self.reconstruction.mkdir(parents=True)
        self.maps.mkdir(parents=True)
        self.save()

    def _changed(self, rng: np.random.Generator, amount: object) -> np.ndarray:
        return np.clip(self.cube + amount * rng.normal(size=self.cube.shape), 0, 1).astype(np.float32)

    def save(self, truth: bool = True) -> None:
        stack = cut(self.cube, FIRST, COUNT)
        geometry = Geometry((SIZE, SIZE, SIZE), np.eye(4), np.eye(4), np.eye(4), 0.0, 1.0)
        conformed = Conformed(self.cube, self.brain, geometry)
        record = replace(RECORD, fingerprint=fingerprint(stack))
        save_scan(self.slices, conformed, stack, self.truth if truth else None, record)
        decoded = {"unguided": self.unguided, "healthy": self.healthy}
        np.savez(self.reconstruction / "stack.npz", **{kind: cut(cube, FIRST, COUNT) for kind, cube in decoded.items()})
        fused = {kind: fuse(cut(cube, FIRST, COUNT), FIRST) for kind, cube in decoded.items()}
        directions = {"class_direction": self.cube, "health_direction": self.cube}
        cubes = FusedCubes(self.cube, **fused, **directions, denoising_error=self.cube)
        save_scores(self.maps / "scores.npz", make_scores(cubes, ["anomaly", "contrast"]))
        for folder in (self.reconstruction, self.maps):
            save_origin(folder, origin_of(record, "f00d", "CN", "AD", {}))
        rows = {
            "scan": RECORD.scan,
            "axis": np.repeat(AXES, COUNT),
            "index": np.tile([FIRST, FIRST + 1], 3),
            "round_trip_psnr": [30.0, 31, 32, 33, 34, 35],
            "round_trip_error": 0.04,
            "guided_change": 0.05,
            "inversion_error": 0.001,
            "unreliable": [True, False, False, False, False, False],
            "log_odds": 0.002,
            "log_odds_of": "AD",
        }
        # the rows are found by axis and index, not by their order
        pd.DataFrame(rows).iloc[::-1].to_csv(self.reconstruction / "reconstruction.csv", index=False)

    def run(self, *options: object) -> Result:
        made = ("--reconstructions", self.reconstruction.parent, "--maps", self.maps.parent)
        line = (self.slices, *made, "--out", self.out.parent, "--device", "cpu", *options)
        return CliRunner().invoke(score, [str(part) for part in line])

    def table(self, name: str) -> pd.DataFrame:
        return pd.read_csv(self.out / name, dtype={"scan": str}, keep_default_na=False, na_values=[""])


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Torch hub's folder, which does not exist."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "torch"


@pytest.fixture
def case(tmp_path: Path, cache: Path) -> Case:
    return Case(tmp_path)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    save_alexnet(folder)
    save_inception(folder)
    return folder


def with_brain(*names: str) -> list[str]:
    return [*names, *(f"{name}_brain" for name in names)]


def test_tables_without_weights(case: Case, cache: Path) -> None:
    result = case.run()
    assert result.exit_code == 0, result.output
    metrics = with_brain(*(name for name in SLICE_METRICS if not METRICS[name].pretrained))
    slices, scan = case.table("slices.csv"), case.table("scan.csv")
    assert list(slices) == [*IDENTITY, "axis", "index", *metrics, "brain_fraction", *RECONSTRUCTION]
    assert list(scan) == [*IDENTITY, *metrics, *SUMMARY]
    assert slices["axis"].tolist() == np.repeat(AXES, COUNT).tolist()
    assert slices["index"].tolist() == [FIRST, FIRST + 1] * 3
    assert slices["round_trip_psnr"].tolist() == [30, 31, 32, 33, 34, 35]
    assert (slices[IDENTITY] == ["007", "NA", "AD", "test"]).all(axis=None)
    assert np.isfinite(slices[metrics]).all(axis=None)
    np.testing.assert_allclose(slices["brain_fraction"], cut(case.brain, FIRST, COUNT).mean(axis=(2, 3)).ravel(), 1e-5)
    np.testing.assert_allclose(scan[metrics].iloc[0], slices[metrics].mean(), rtol=1e-5)
    assert scan["unreliable_fraction"].item() == pytest.approx(1 / 6, rel=1e-5)
    assert not (case.out / "features.npz").exists()
    for backbone in BACKBONES.values():
        assert result.stderr.count(backbone.files[0]) == 2  # the file, and the address it can be had from
    assert not cache.exists()


def test_scan_row_against_its_definition(case: Case) -> None:
    assert case.run("--metrics", "ssim").exit_code == 0
    seen = np.zeros(case.brain.shape, dtype=bool)
    for axis in range(3):
        np.moveaxis(seen, axis, 0)[FIRST : FIRST + COUNT] = True
    region = case.brain & seen
    row = case.table("scan.csv").iloc[0]
    assert row["prevalence"] == pytest.approx(case.truth[region].mean(), rel=1e-5)
    assert row["log_odds"] == pytest.approx(0.002)
    for name, other in (("anomaly", case.cube), ("contrast", case.unguided)):
        inside = np.abs(other - case.healthy)[region]
        assert row[f"{name}_mean"] == pytest.approx(inside.mean(), rel=1e-4)
        assert row[f"{name}_p99"] == pytest.approx(np.percentile(inside, 99), rel=1e-4)
        assert row[f"{name}_auprc"] == pytest.approx(average_precision_score(case.truth[region], inside), abs=1e-4)
        assert row[f"{name}_auroc"] == pytest.approx(roc_auc_score(case.truth[region], inside), abs=1e-4)


@pytest.mark.parametrize("given", [True, False])
def test_without_an_anomaly_there_are_no_voxel_scores(case: Case, given: bool) -> None:
    case.truth = np.zeros_like(case.truth)
    (case.slices / "truth.nii.gz").unlink()
    case.save(truth=given)
    assert case.run("--metrics", "ssim").exit_code == 0
    assert case.table("scan.csv")[SUMMARY[8:]].isna().all(axis=None)


def test_lowest_slices(case: Case) -> None:
    case.healthy[:, FIRST + 1] = 0  # the second coronal slice is the worst by far
    case.save()
    assert case.run("--lowest", 3).exit_code == 0
    with np.load(case.out / "lowest.npz") as lowest:
        assert (lowest["axis"][0], lowest["index"][0]) == ("coronal", FIRST + 1)
        np.testing.assert_array_equal(lowest["input"][0], case.cube[:, FIRST + 1])
        np.testing.assert_array_equal(lowest["healthy"][0], case.healthy[:, FIRST + 1])
        expected = case.table("slices.csv").nsmallest(3, "ssim")
        np.testing.assert_allclose(lowest["ssim"], expected["ssim"], rtol=1e-5)
        assert lowest["axis"].tolist() == expected["axis"].tolist()
        assert lowest["input"].dtype == lowest["healthy"].dtype == np.float32


def test_with_weights(case: Case, weights: Path) -> None:
    result = case.run("--weights", weights)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    metrics = with_brain(*SLICE_METRICS)
    slices, scan = case.table("slices.csv"), case.table("scan.csv")
    assert list(slices) == [*IDENTITY, "axis", "index", *metrics, "brain_fraction", *RECONSTRUCTION]
    assert list(scan) == [*IDENTITY, *metrics, "fid", "fid_brain", *SUMMARY]
    assert (slices[["lpips", "lpips_brain"]] > 0).all(axis=None)
    assert (scan[["fid", "fid_brain"]] > 0).all(axis=None)
    with np.load(case.out / "features.npz") as features:
        assert set(features) == {"input", "healthy", "input_brain", "healthy_brain"}
        assert {features[name].shape for name in features} == {(3 * COUNT, 2048)}
    assert case.run("--metrics", "ssim").exit_code == 0
    assert not (case.out / "features.npz").exists()


def test_a_perfect_reconstruction(case: Case, weights: Path) -> None:
    case.healthy = case.cube
    case.save()
    # equal sets of features are the business of the unit tests: Inception is slow
    assert case.run("--weights", weights, "--metrics", "ssim,ms_ssim,psnr,lpips,vsi").exit_code == 0
    row = case.table("scan.csv").iloc[0]
    for name, perfect in {"ssim": 1, "ms_ssim": 1, "psnr": 100, "lpips": 0, "vsi": 1}.items():
        assert row[name] == pytest.approx(perfect, abs=1e-4)
        assert row[f"{name}_brain"] == pytest.approx(perfect, abs=1e-4)
    assert row["anomaly_mean"] == row["anomaly_p99"] == 0


def test_two_runs_give_the_same_bytes(case: Case) -> None:
    contents = []
    for _ in range(2):
        assert case.run().exit_code == 0
        contents.append([path.read_bytes() for path in sorted(case.out.rglob("*")) if path.is_file()])
    assert contents[0] == contents[1]


def test_metrics_chooses_and_ssim_is_always_there(case: Case) -> None:
    result = case.run("--metrics", "vsi, psnr")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    assert [name for name in case.table("slices.csv") if name.endswith("_brain")] == [
        "ssim_brain",
        "psnr_brain",
        "vsi_brain",
    ]


@pytest.mark.parametrize("metric", ["lpips", "fid"])
def test_absence_of_a_wanted_metrics_weights_is_an_error(case: Case, metric: str, tmp_path: Path) -> None:
    result = case.run("--metrics", f"ssim,{metric}", "--weights", tmp_path)
    assert result.exit_code == 1
    assert BACKBONES[metric].files[0] in result.stderr
    assert str(tmp_path) in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not case.out.exists()


def test_damaged_weights_are_an_error(case: Case, tmp_path: Path) -> None:
    (tmp_path / ALEXNET).write_text("<html>not found</html>")
    result = case.run("--weights", tmp_path)
    assert result.exit_code == 1
    assert str(tmp_path / ALEXNET) in result.stderr


def test_an_unknown_metric_is_named(case: Case) -> None:
    result = case.run("--metrics", "ssim,mssim")
    assert result.exit_code == 2
    assert f"'mssim' is none of {', '.join(METRICS)}" in result.stderr


def test_folders_that_do_not_belong_together_are_refused(case: Case) -> None:
    table = pd.read_csv(case.reconstruction / "reconstruction.csv", dtype={"scan": str})
    table.assign(scan="other").to_csv(case.reconstruction / "reconstruction.csv", index=False)
    result = case.run()
    assert result.exit_code == 1
    assert "scan 007: 6 of its 6 slices have no row in reconstruction.csv" in result.stderr
    (case.reconstruction / "stack.npz").unlink()
    result = case.run()
    assert result.exit_code == 1
    assert "stack.npz: not there" in result.stderr


def test_a_reconstruction_of_slices_that_were_cut_anew_is_refused(case: Case) -> None:
    made = (case.reconstruction / "origin.json").read_text()
    case.cube = case.cube / 2
    case.save()
    (case.reconstruction / "origin.json").write_text(made)
    result = case.run()
    assert result.exit_code == 1
    assert "made of other slices of '007' than these; reconstruct the scan again" in result.stderr
    assert not case.out.exists()


@pytest.mark.parametrize("value", [np.nan, 1.5])
def test_slices_out_of_range_are_refused(case: Case, value: float) -> None:
    case.healthy[16, 16, 15] = value
    case.save()
    result = case.run()
    assert result.exit_code == 1
    assert "scan 007: healthy slices hold values outside [0, 1] or NaN" in result.stderr


def test_stacks_of_different_shapes_are_refused(case: Case) -> None:
    small = np.zeros((3, COUNT, 16, 16), dtype=np.float32)
    np.savez(case.reconstruction / "stack.npz", healthy=small, unguided=small)
    result = case.run()
    assert result.exit_code == 1
    assert "healthy slices of shape (3, 2, 16, 16) beside input slices of shape (3, 2, 32, 32)" in result.stderr


def test_help_names_the_weights_and_loads_no_library() -> None:
    tool = Path(sys.modules["score"].__file__ or "")
    report = subprocess.run(
        [sys.executable, "-X", "importtime", tool, "--help"], capture_output=True, text=True, check=True
    )
    for backbone in BACKBONES.values():
        assert backbone.files[0] in report.stdout
    assert not {"torch", "numpy", "pandas"} & {line.split("|")[-1].strip() for line in report.stderr.splitlines()}


def test_volumes_for_the_viewer(case: Case) -> None:
    assert case.run("--metrics", "ssim").exit_code == 0
    made = {path.name for path in (case.out / "viewer").iterdir()}
    assert made == {"scan.js", "pseudohealthy.js", "anomaly.js"}
    assert (case.out / "viewer/scan.js").read_text().startswith('healthwardVolume("007", "scan", "')
