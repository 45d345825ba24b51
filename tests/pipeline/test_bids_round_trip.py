"""A BIDS dataset in, a BIDS derivative dataset out, every step drawn: one real run, its tasks in scratch."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from bids import BIDSLayout
from PIL import Image

from runs import QUICK, Run, succeed

SCANS = {"sub-01_ses-M00": "CN", "sub-01_ses-M12": "AD"}
KINDS = ("pseudohealthy", "anomaly", "contrast", "confidence", "likeness", "residual")


@pytest.fixture(scope="module")
def dataset(whole_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two visits of one participant, each with its own label."""
    root = tmp_path_factory.mktemp("raw") / "my dataset"
    images = pd.read_csv(whole_run.outdir / "pipeline_info/inputs.csv")["image"]
    for scan, image in zip(SCANS, images, strict=False):
        folder = root.joinpath(*scan.split("_"), "anat")
        folder.mkdir(parents=True)
        (folder / f"{scan}_T1w.nii.gz").write_bytes(Path(image).read_bytes())
        (folder / f"{scan}_T2w.nii.gz").write_bytes(b"no scan of ours")
    (root / "dataset_description.json").write_text('{"Name": "two visits", "BIDSVersion": "1.8.0"}')
    (root / "participants.tsv").write_text("participant_id\tage\tsex\nsub-01\t71\tF\n")
    visits = "".join(f"{scan.split('_')[1]}\t{label}\n" for scan, label in SCANS.items())
    (root / "sub-01/sub-01_sessions.tsv").write_text(f"session_id\tdiagnosis\n{visits}")
    return root


@pytest.fixture(scope="module")
def run(whole_run: Run, dataset: Path, scratch: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Run:
    model = str(whole_run.outdir / "model")
    folder = tmp_path_factory.mktemp("mapped")
    return succeed(folder, "--input", str(dataset), "--model", model, "--bids", "--debug", *QUICK, *scratch)


def test_each_map_is_found_on_the_grid_of_its_scan(run: Run, dataset: Path) -> None:
    raw, derived = BIDSLayout(dataset), BIDSLayout(run.outdir / "bids", is_derivative=True, validate=False)
    for scan in raw.get(suffix="T1w", extension=".nii.gz"):
        for kind in KINDS:
            session = scan.entities["session"]
            [found] = derived.get(subject="01", session=session, desc=kind, space="T1w", extension=".nii.gz")
            assert not Path(found.path).is_symlink()
            original, volume = nib.load(scan.path), nib.load(found.path)
            assert volume.shape == original.shape
            np.testing.assert_allclose(volume.affine, original.affine, atol=1e-5)
            assert found.get_metadata()["Sources"] == [f"bids:raw:{Path(scan.path).relative_to(dataset)}"]
    assert not (run.outdir / "maps").exists()


def test_labels_and_covariates_arrive_in_the_tables(run: Run) -> None:
    scans = pd.read_csv(run.outdir / "tables/scans.csv")
    assert dict(zip(scans["scan"], scans["label"], strict=True)) == SCANS
    assert set(scans["subject"]) == {"sub-01"}
    assert scans["age"].tolist() == [71, 71]
    same = pd.read_csv(run.outdir / "bids/group_desc-scans_T1w.tsv", sep="\t")
    pd.testing.assert_frame_equal(same, scans)


def test_dataset_says_what_made_it(run: Run) -> None:
    description = json.loads((run.outdir / "bids/dataset_description.json").read_text())
    assert description["DatasetType"] == "derivative"
    assert description["GeneratedBy"][0]["Name"] == "Healthward"


def test_every_step_is_drawn_for_each_scan(run: Run) -> None:
    for scan in SCANS:
        for name in ("steps.png", "trajectory.png"):
            assert not (run.outdir / "debug" / scan / name).is_symlink()
            with Image.open(run.outdir / "debug" / scan / name) as picture:
                assert np.ptp(np.asarray(picture.convert("L"))) > 200
    assert f"See every step:  {run.outdir / 'debug'}" in run.output
