"""A cohort with controls: settings chosen, scans compared with held-out controls, by one real run."""

import json
import shutil
from collections import Counter
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from nibabel.affines import from_matvec
from nibabel.eulerangles import euler2mat

from runs import QUICK, Run, files_of, succeed
from simulate import simulate_cohort

CONTROLS, PATIENTS = 6, 2
SCANS_PER_TASK = 4
GRID = ("--tune", "--guidance_scales", "1,3", "--noise_depths", "99,199")


@pytest.fixture(scope="module")
def run(whole_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Six controls and two patients, by the model of the test profile, four scans a task of the network."""
    folder = tmp_path_factory.mktemp("controls")
    # The seed of people whom the model was not trained on
    line = f"--subjects {2 * CONTROLS} --classes CN,AD --size 32 --seed 1 --out".split()
    assert CliRunner().invoke(simulate_cohort, [*line, str(folder / "cohort")]).exit_code == 0
    sheet = pd.read_csv(folder / "cohort/samplesheet.csv")
    people = pd.concat([sheet[sheet["label"] == "CN"], sheet[sheet["label"] == "AD"].head(PATIENTS)])
    people.assign(split="val").to_csv(folder / "cohort/chosen.csv", index=False)
    model = whole_run.outdir / "model"
    chosen = ("--input", str(folder / "cohort/chosen.csv"), "--scans_per_task", str(SCANS_PER_TASK))
    return succeed(folder, *chosen, "--model", str(model), *QUICK, *GRID)


def test_settings_are_chosen_on_validation_scans_and_used(run: Run) -> None:
    processes = Counter(process for process, _ in run.tasks())
    assert {processes[name] for name in ("TUNE", "RECONSTRUCT", "SCORE")} == {(CONTROLS + PATIENTS) // SCANS_PER_TASK}
    assert processes["MAP"] == CONTROLS + PATIENTS
    compared = pd.read_csv(run.outdir / "tuning/tuning.csv")
    settings = json.loads((run.outdir / "tuning/settings.json").read_text())
    assert len(compared) == 4
    assert compared.loc[0, ["guidance_scale", "noise_depth"]].to_dict().items() <= settings.items()
    assert (run.outdir / "tuning/pareto.png").is_file()
    [script] = {
        Path(row["workdir"], ".command.sh").read_text().count("--settings settings.json")
        for row in run.trace()
        if row["process"] == "RECONSTRUCT"
    }
    assert script == 1


def test_scans_are_compared_with_the_controls(run: Run) -> None:
    assert ("NORM", f"{CONTROLS} controls") in run.tasks()
    scans = pd.read_csv(run.outdir / "tables/scans.csv")
    assert scans[["z_mean", "z_p99", "abnormal_ml", "log_odds"]].notna().all(axis=None)
    original = nib.load(run.folder / "cohort/ad000.nii.gz")
    for kind in ("zscore", "logp", "abnormal"):
        volume = nib.load(run.outdir / f"maps/ad000/ad000_{kind}.nii.gz")
        assert volume.shape == original.shape
        np.testing.assert_allclose(volume.affine, original.affine)
        assert np.isfinite(volume.get_fdata()).all()


def test_regions_and_statistics_are_tabled_and_reported(run: Run) -> None:
    regions = pd.read_csv(run.outdir / "tables/regions.csv")
    assert regions.groupby("scan").size().eq(28).all()
    assert regions.loc[regions["scan"] == "ad000", "percentile"].notna().any()
    comparisons = pd.read_csv(run.outdir / "tables/comparisons.csv")
    assert {"log_odds", "abnormal_ml"} <= set(comparisons["score"])
    report = (run.outdir / "report.html").read_text()
    assert "left lateral ventricle" in report
    assert f"against {CONTROLS} held-out control subjects" in report


def test_a_run_without_enough_controls_says_so(whole_run: Run) -> None:
    assert "CALIBRATE" not in {process for process, _ in whole_run.tasks()}
    assert "The maps are raw" in (whole_run.outdir / "report.html").read_text()


def write_turned(path: Path, volume: nib.Nifti1Image) -> nib.Nifti1Image:
    """Write every second plane of a volume, its axes in another order, one reversed, tilted, as integers."""
    turned = nib.as_closest_canonical(volume).slicer[:, ::2, :].as_reoriented([[2, 1], [0, -1], [1, 1]])
    tilt = from_matvec(euler2mat(x=0.2, z=-0.1), [7, -30, 4])
    image = nib.Nifti1Image((turned.get_fdata() * 9).astype(np.int16)[:, 1:], tilt @ turned.affine)
    path.parent.mkdir(parents=True)
    nib.save(image, path)
    return image


def test_later_run_of_one_turned_scan_maps_it_as_it_lies_and_leaves_no_map_of_this_one(
    run: Run, whole_run: Run, tmp_path: Path
) -> None:
    outdir = shutil.copytree(run.outdir, tmp_path / "results")
    before = files_of(outdir / "maps")
    image = write_turned(tmp_path / "my scans/ad000.nii", nib.load(run.folder / "cohort/ad000.nii.gz"))
    model = str(whole_run.outdir / "model")
    later = succeed(tmp_path, "--scan", "my scans/ad000.nii", "--model", model, "--noise_depth", "99", *QUICK)
    assert not {"TRAIN", "NORM"} & {process for process, _ in later.tasks()}
    kinds = ("pseudohealthy", "anomaly", "contrast", "confidence", "likeness", "residual")
    kept = {f"ad000/ad000_{kind}.nii.gz" for kind in kinds}
    assert files_of(outdir / "maps") == kept
    for name in kept:
        mapped = nib.load(outdir / "maps" / name)
        assert mapped.shape == image.shape, name
        np.testing.assert_allclose(mapped.affine, image.affine, atol=1e-4)
    assert nib.load(outdir / "maps/ad000/ad000_anomaly.nii.gz").get_fdata().any()
    assert pd.read_csv(outdir / "tables/scans.csv")["label"].tolist() == ["unknown"]
    [aside] = (outdir / "superseded").iterdir()
    assert files_of(aside / "maps") == before - kept
    assert (aside / "tuning/settings.json").is_file()
    assert json.loads((aside / "made_by/params.json").read_text())["tune"] is True
