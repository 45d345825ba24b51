"""Volumes in, maps and tables out: real runs at the smallest sizes."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd

from runs import PLAIN, TEST, Run, files_of, going_on, published_by, succeed

MAPS = ("pseudohealthy", "anomaly", "contrast", "confidence", "likeness", "residual")


def inputs(run: Run) -> Iterator[tuple[str, Path]]:
    """Yield the id and the volume of every scan of a run."""
    table = pd.read_csv(run.outdir / "pipeline_info/inputs.csv")
    yield from ((scan, Path(image)) for scan, image in zip(table["scan"], table["image"], strict=True))


def maps(outdir: Path, scan: str) -> dict[str, nib.Nifti1Image]:
    return {name: nib.load(outdir / "maps" / scan / f"{scan}_{name}.nii.gz") for name in MAPS}


def test_every_scan_has_maps_on_its_own_grid(whole_run: Run) -> None:
    scans = dict(inputs(whole_run))
    assert len(scans) == 6
    for scan, path in scans.items():
        original = nib.load(path)
        for name, volume in maps(whole_run.outdir, scan).items():
            assert volume.shape == original.shape, name
            np.testing.assert_allclose(volume.affine, original.affine, atol=1e-5)
            assert np.isfinite(volume.get_fdata()).all(), name


def test_tables_hold_every_scan_and_slice(whole_run: Run) -> None:
    scans = {scan for scan, _ in inputs(whole_run)}
    slices = pd.read_csv(whole_run.outdir / "tables/slices.csv")
    assert {"scan", "subject", "label", "axis", "index", "ssim", "ms_ssim", "psnr", "vsi"} <= set(slices)
    assert set(slices["scan"]) == scans
    assert slices.groupby("scan").size().nunique() == 1
    assert set(pd.read_csv(whole_run.outdir / "tables/scans.csv")["scan"]) == scans
    assert set(pd.read_csv(whole_run.outdir / "split.csv")["scan"]) == scans
    for name in ("outlier_scans", "lowest_slices"):
        assert (whole_run.outdir / f"tables/{name}.csv").is_file()


def test_model_report_and_provenance_are_there(whole_run: Run) -> None:
    for name in ("diffusion.safetensors", "embedding.safetensors", "config.json", "training_scans.safetensors"):
        assert (whole_run.outdir / "model" / name).stat().st_size > 0
    assert list((whole_run.outdir / "figures").glob("*.png"))
    assert "<html" in (whole_run.outdir / "report.html").read_text()
    assert "torch" in json.loads((whole_run.outdir / "pipeline_info/versions.json").read_text())
    assert (whole_run.outdir / "checkpoints/training.log").stat().st_size > 0


def test_list_of_what_is_published_leaves_out_only_checkpoints(whole_run: Run) -> None:
    assert {name for name in files_of(whole_run.outdir) if not name.startswith("checkpoints/")} == published_by(
        whole_run.outdir
    )


def test_end_of_a_run_names_the_report_and_says_three_things_and_what_to_do_next(whole_run: Run) -> None:
    said = [line for line in whole_run.output.splitlines() if line]
    report = whole_run.outdir / "report.html"
    assert said[-7] == str(report)
    assert said[-6:-3] == (whole_run.outdir / "pipeline_info/summary.txt").read_text().strip().splitlines()
    assert said[-3] == f"Open in a browser:  {report}"
    assert said[-2] == f"Lay over the scans:  {whole_run.outdir / 'maps'}"
    assert f"--input samplesheet.csv --model {whole_run.outdir / 'model'} --outdir new" in said[-1]


def test_other_outdir_needs_no_new_training(whole_run: Run, tmp_path: Path) -> None:
    run = succeed(tmp_path, *TEST, *PLAIN, *going_on(whole_run, tmp_path), "--train_only", "--outdir", "elsewhere")
    statuses = run.tasks("elsewhere")
    assert {process for (process, _), status in statuses.items() if status == "COMPLETED"} == {
        "CHECK_PARAMETERS",
        "CHECK",
    }
    assert {process for process, _ in statuses} == {"CHECK_PARAMETERS", "CHECK", "SIMULATE", "SLICE", "TRAIN"}
    assert (run.folder / "elsewhere/model/config.json").is_file()


def test_changed_parameter_starts_a_training_afresh_and_two_processes_share_it(whole_run: Run, tmp_path: Path) -> None:
    checkpoints = shutil.copytree(whole_run.outdir / "checkpoints", tmp_path / "checkpoints")
    log = checkpoints / "training.log"
    before = log.read_text()
    changed = ("--iterations", "4", "--validate_every", "4")
    more = ("--gpus", "2", "--tensorboard", "--checkpoints", "checkpoints")
    run = succeed(tmp_path, *TEST, *PLAIN, *going_on(whole_run, tmp_path), "--train_only", *changed, *more)
    assert run.tasks()["TRAIN", "6 scans"] == "COMPLETED"
    assert "step 1 of 4" in log.read_text().removeprefix(before)
    assert len(list(checkpoints.glob("*.pt"))) == 2
    assert len(list(checkpoints.glob("tensorboard/*/events*"))) == 1
    assert json.loads((run.outdir / "model/config.json").read_text())["training"]["processes"] == 2
