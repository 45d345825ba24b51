"""The way of one scan through the tools, each run alone, as a person would without Nextflow."""

import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner

import simulate
import train
from healthward import __version__
from healthward.diffusion.model import load_model
from healthward.imaging.signatures import earliest_copies, load_signatures, save_signatures, signature
from healthward.maps.fused import OPTIONAL
from healthward.names import SCORES
from healthward.planting.simulation import KINDS
from phantoms import head_on, write_head
from reconstruct import CUBES

COMMANDS = {
    "simulate": "simulate_cohort",
    "check": "main",
    "slice": "slice_scan",
    "train": "train_model",
    "reconstruct": "reconstruct_scans",
    "map": "map_scan",
    "tune": "tune",
    "choose": "choose",
    "norm": "norm_of",
    "calibrate": "calibrate",
    "score": "score",
    "aggregate": "aggregate",
    "export_bids": "export_bids",
}
QUICK = ("--noise-depth", 99, "--ddim-steps", 2, "--inversion-iterations", 1, "--device", "cpu")
ARCHITECTURE = "--channels 16,16 --attention-levels 0,1 --head-channels 16 --conditioning-dim 8"


def call(tool: str, *arguments: object):
    command = getattr(importlib.import_module(tool), COMMANDS[tool])
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def done(tool: str, *arguments: object) -> None:
    result = call(tool, *arguments)
    assert result.exit_code == 0, result.output


def slice_head(folder, scan, grid="isotropic", label="CN", split="train"):
    write_head(folder / f"{scan}.nii.gz", grid)
    done(
        "slice", folder / f"{scan}.nii.gz", "--scan", scan, "--subject", scan, "--label", label, "--split", split,
        "--size", 32, "--slice-range", 0.4, 0.6, "--out", folder / "slices" / scan,
    )  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with sliced scans and a model of a few steps."""
    folder = tmp_path_factory.mktemp("cohort")
    slice_head(folder, "cn0")
    slice_head(folder, "ad0", "oblique", label="ad")
    slice_head(folder, "cn1", "anisotropic and odd", label="cn", split="val")
    done(
        "train", *sorted((folder / "slices").iterdir()), *ARCHITECTURE.split(), "--iterations", 4, "--batch-size", 2,
        "--validate-every", 2, "--warmup", 1, "--checkpoints", folder / "checkpoints", "--out", folder / "model",
    )  # fmt: skip
    return folder


@pytest.mark.parametrize("tool", COMMANDS)
def test_help_teaches_and_version_tells(tool):
    assert "Example:" in call(tool, "--help").output
    assert __version__ in call(tool, "--version").output


def test_help_of_every_tool_imports_nothing_heavy():
    tools = sorted(path.stem for path in Path(train.__file__).parent.glob("*.py"))
    heavy = ("numpy", "pandas", "torch", "matplotlib", "nibabel", "bids", "tensorboardX")
    code = f"import sys, {', '.join(tools)}; print([name for name in {heavy} if name in sys.modules])"
    line = [sys.executable, "-c", code]
    result = subprocess.run(line, cwd=Path(train.__file__).parent, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_training_writes_a_model_that_says_what_it_is(trained):
    config = json.loads((trained / "model/config.json").read_text())
    assert config["size"] == 32
    assert config["architecture"]["channels"] == [16, 16]
    assert config["training"]["scans"]["AD"] == ["ad0"]
    assert config["training"]["people"] == {"CN": 1, "EMCI": 0, "MCI": 0, "LMCI": 0, "AD": 1}
    records = [json.loads((trained / name / "scan.json").read_text()) for name in ("slices/ad0", "slices/cn0")]
    assert config["training_subjects"] == sorted(record["subject"] for record in records)
    assert "torch" in config["versions"]
    trained_on = load_signatures(trained / "model/training_scans.safetensors", "")
    known = [signature(head_on(grid)[0]) for grid in ("oblique", "isotropic")]
    assert earliest_copies([*known, *trained_on]) == {2: 0, 3: 1}
    losses = pd.read_csv(trained / "model/loss.csv")
    assert losses["step"].tolist() == [2, 4]
    assert {"loss", "loss_0_99", "round_trip_psnr"} <= set(losses)
    for figure in ("loss.png", "samples.png"):
        assert (trained / "model" / figure).read_bytes().startswith(b"\x89PNG")
    assert "step 4 of 4" in (trained / "checkpoints/training.log").read_text()


def test_a_training_without_the_signature_of_a_scan_does_not_start(trained, tmp_path):
    slice_head(tmp_path, "old")
    (tmp_path / "slices/old/signature.safetensors").unlink()
    result = call("train", tmp_path / "slices/old", "--checkpoints", tmp_path / "c", "--out", tmp_path / "model")
    assert result.exit_code == 1
    assert "signature.safetensors: cannot be read (" in result.output
    assert result.output.rstrip().endswith("; slice the scan again")
    assert not (tmp_path / "c").exists()


def test_a_model_knows_its_training_scans_under_another_name_turned_and_retyped(trained, tmp_path):
    voxels, affine = head_on("isotropic")
    turn = np.diag([-1.0, 1, 1, 1])
    turn[0, 3] = len(voxels) - 1
    nib.save(nib.Nifti1Image((voxels[::-1] * 5).astype(np.int16), affine @ turn), tmp_path / "again.nii")
    write_head(tmp_path / "new.nii", "anisotropic and odd")
    sheet = "scan,subject,image,label,split\na,p,again.nii,CN,test\nb,q,new.nii,CN,\n"
    (tmp_path / "sheet.csv").write_text(sheet)
    result = call("check", "--input", tmp_path / "sheet.csv", "--model", trained / "model", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert pd.read_csv(tmp_path / "out/split.csv")["split"].tolist() == ["train", "test"]
    warnings = (tmp_path / "out/warnings.txt").read_text().splitlines()
    assert warnings[:2] == [
        "the model was trained on 1 of the 2 scans, as the voxels tell: a; train again, and no controls",
        "sheet.csv, split: that of row 2 gives way to 'train'",
    ]


def test_scans_that_the_model_learned_are_not_tuned_on_and_are_told_whatever_their_split(trained, tmp_path):
    shutil.copytree(trained / "slices/cn0", tmp_path / "cn0")
    line = ("--model", trained / "model", "--out", tmp_path / "out")
    result = call("tune", tmp_path / "cn0", *line)
    assert result.output.splitlines()[-1] == (
        "Error: scan 'cn0' is a training scan, which the model knows; leave it out"
    )
    with_record(tmp_path / "cn0", split="test")
    result = call("tune", tmp_path / "cn0", *line)
    said = "scan 'cn0' is one that the model was trained on, though its split is test; leave it out"
    assert result.output.splitlines()[-1] == f"Error: {said}"
    assert not (tmp_path / "out").exists()
    result = call("reconstruct", tmp_path / "cn0", trained / "slices/cn1", *QUICK, *line)
    assert result.exit_code == 0, result.output
    said = "the model was trained on 'cn0', as the voxels tell, whatever their split says; they are no controls"
    assert said in result.output.splitlines()
    learned = {
        scan: json.loads((tmp_path / f"out/{scan}/origin.json").read_text())["learned"] for scan in ("cn0", "cn1")
    }
    assert learned == {"cn0": True, "cn1": False}


def reconstruct(trained, folder, *options):
    """Reconstruct the scan `new` of a folder into `made/new`, quickly."""
    done("reconstruct", folder / "slices/new", *QUICK, "--model", trained / "model", *options, "--out", folder / "made")


@pytest.mark.parametrize("grid", ["anisotropic and odd", "oblique, flipped"])
def test_maps_come_back_on_the_grid_of_the_scan(trained, tmp_path, grid):
    slice_head(tmp_path, "new", grid, split="test")
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps/old_residual.nii.gz").touch()
    reconstruct(trained, tmp_path, "--cubes", "ensemble,health_direction")
    places = (tmp_path / "slices/new", tmp_path / "made/new", tmp_path / "new.nii.gz")
    done("map", *places, "--scores", "likeness,mahalanobis,forward,deformation", "--out", tmp_path / "maps")
    with np.load(tmp_path / "maps/scores.npz") as scores:
        assert {scores[name].shape for name in scores.files} == {(32, 32, 32)}
        assert set(scores.files) == {"likeness", "mahalanobis", "forward", "deformation"}
    origin = json.loads((tmp_path / "maps/origin.json").read_text())
    assert origin["fingerprint"] == json.loads((tmp_path / "slices/new/scan.json").read_text())["fingerprint"]
    method = origin["method"]
    assert (method["healthy"], method["disease"], method["noise_depth"], method["size"]) == ("CN", "AD", 99, 32)
    assert method["model"] == load_model(trained / "model").digest()
    source = nib.load(tmp_path / "new.nii.gz")
    assert not (tmp_path / "maps/old_residual.nii.gz").exists()
    for kind in ("pseudohealthy", "anomaly", "contrast", "confidence"):
        image = nib.load(tmp_path / "maps" / f"new_{kind}.nii.gz")
        assert image.shape == source.shape
        np.testing.assert_allclose(image.affine, source.affine)
        assert np.isfinite(image.get_fdata()).all()
    with np.load(tmp_path / "made/new/stack.npz") as stack:
        assert stack["healthy"].shape == stack["unguided"].shape == (3, 7, 32, 32)
    with np.load(tmp_path / "made/new/fused.npz") as cubes:
        assert set(cubes.files) == {"class_direction", "denoising_error", "health_direction", "ensemble"}
        halved = {name for name in cubes.files if cubes[name].dtype == np.float16}
        assert halved == {"denoising_error", "health_direction", "ensemble"}
    assert len(pd.read_csv(tmp_path / "made/new/reconstruction.csv")) == 21


def test_a_score_whose_cubes_were_not_made_is_refused_and_another_image_as_well(trained, tmp_path):
    slice_head(tmp_path, "new", split="test")
    reconstruct(trained, tmp_path)
    line = ("map", tmp_path / "slices/new", tmp_path / "made/new")
    voxels, affine = head_on("isotropic")
    nib.save(nib.Nifti1Image(voxels[:, ::-1], affine), tmp_path / "turned.nii.gz")
    lacking = "made/new/fused.npz: lacks the fused cube ensemble; name it in reconstruct.py --cubes"
    for more, expected in (
        ((tmp_path / "new.nii.gz", "--scores", "likeness,mahalanobis"), lacking),
        ((tmp_path / "turned.nii.gz",), "turned.nii.gz: not the scan that was sliced"),
    ):
        result = call(*line, *more, "--out", tmp_path / "maps")
        assert result.exit_code == 1
        assert expected in result.output.splitlines()[-1]
        assert not (tmp_path / "maps").exists()


def test_a_former_name_among_the_scores_means_that_of_today_and_is_warned_of(trained, tmp_path):
    done("reconstruct", trained / "slices/ad0", *QUICK, "--model", trained / "model", "--out", tmp_path / "made")
    line = ("map", trained / "slices/ad0", tmp_path / "made/ad0", trained / "ad0.nii.gz", "--out", tmp_path / "maps")
    result = call(*line, "--scores", "round_trip,disease")
    assert result.exit_code == 0, result.output
    said = "--scores disease is called likeness now; the old name goes with the next release"
    assert result.output.splitlines().count(said) == 1
    assert (tmp_path / "maps/ad0_likeness.nii.gz").exists()
    with np.load(tmp_path / "maps/scores.npz") as scores:
        assert set(scores.files) == {"round_trip", "likeness"}


def test_a_reconstruction_of_an_older_version_is_refused(trained, tmp_path):
    done("reconstruct", trained / "slices/ad0", *QUICK, "--model", trained / "model", "--out", tmp_path / "made")
    (tmp_path / "made/ad0/fused.npz").rename(tmp_path / "made/ad0/evidence.npz")
    places = (trained / "slices/ad0", tmp_path / "made/ad0", trained / "ad0.nii.gz")
    result = call("map", *places, "--out", tmp_path / "maps")
    assert result.exit_code == 1
    assert "fused.npz: not there; reconstruct the scan again" in result.output


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_two_scans_in_one_call_are_as_two_calls(trained, tmp_path):
    scans, slices = ("ad0", "cn1"), trained / "slices"
    model = ("--model", trained / "model", *QUICK)
    tuning = (*model[:2], *QUICK[2:], "--guidance-scales", "1,3", "--noise-depths", "99", "--every", 4)
    slice_head(tmp_path, "new", "oblique, flipped", split="val")
    tuned = (slices / "cn1", tmp_path / "slices/new")
    for tool, options, folders in (
        ("reconstruct", ("--cubes", "ensemble,health_direction", *model), [slices / scan for scan in scans]),
        ("tune", tuning, tuned),
    ):
        done(tool, *folders, *options, "--out", tmp_path / tool)
        for folder in folders:
            done(tool, folder, *options, "--out", tmp_path / f"{tool} alone")
        assert contents(tmp_path / tool) == contents(tmp_path / f"{tool} alone")
    for scan in scans:
        places = (slices / scan, tmp_path / "reconstruct" / scan, trained / f"{scan}.nii.gz")
        done("map", *places, "--out", tmp_path / "maps" / scan)
    made = ("--reconstructions", tmp_path / "reconstruct", "--maps", tmp_path / "maps", "--metrics", "ssim,psnr")
    done("score", *(slices / scan for scan in scans), *made, "--device", "cpu", "--out", tmp_path / "score")
    for scan in scans:
        done("score", slices / scan, *made, "--device", "cpu", "--out", tmp_path / "score alone")
    assert contents(tmp_path / "score") == contents(tmp_path / "score alone")
    assert {name.split("/")[0] for name in contents(tmp_path / "score")} == set(scans)


def test_a_scan_that_is_given_twice_is_refused(trained, tmp_path):
    shutil.copytree(trained / "slices/cn1", tmp_path / "again")
    model, made = ("--model", trained / "model"), ("--reconstructions", tmp_path, "--maps", tmp_path)
    for tool, options in (("reconstruct", model), ("tune", model), ("score", made)):
        result = call(tool, trained / "slices/cn1", tmp_path / "again", *options, "--out", tmp_path / "out")
        assert result.exit_code == 1
        said = result.output.splitlines()[-1]
        assert said == f"Error: {tmp_path / 'again'}: of scan cn1, as {trained / 'slices/cn1'} is; give each scan once"
        assert not (tmp_path / "out").exists()


def test_a_training_is_continued_not_repeated(trained):
    before = (trained / "checkpoints/training.log").read_text()
    done(
        "train", *sorted((trained / "slices").iterdir()), *ARCHITECTURE.split(), "--iterations", 4, "--batch-size", 2,
        "--validate-every", 2, "--warmup", 1, "--checkpoints", trained / "checkpoints", "--out", trained / "again",
    )  # fmt: skip
    assert (trained / "checkpoints/training.log").read_text() == before
    for name in ("diffusion.safetensors", "embedding.safetensors", "loss.csv"):
        assert (trained / "again" / name).read_bytes() == (trained / "model" / name).read_bytes()


def test_the_most_severe_class_that_was_trained_on_is_tested_for_and_no_other(trained, tmp_path):
    line = [
        "reconstruct", trained / "slices/cn1", "--model", trained / "model",
        "--noise-depth", 99, "--ddim-steps", 2, "--inversion-iterations", 1, "--out", tmp_path / "made",
    ]  # fmt: skip
    for option, label in (("--disease", "MCI"), ("--healthy", "LMCI")):
        result = call(*line, option, label)
        assert result.exit_code == 1
        assert result.output.splitlines()[-1] == f"Error: {option}: '{label}' was not trained on; give one of CN, AD"
        assert not (tmp_path / "made").exists()
    done(*line)
    assert set(pd.read_csv(tmp_path / "made/cn1/reconstruction.csv")["log_odds_of"]) == {"AD"}
    result = call(
        "tune", trained / "slices/cn1", "--model", trained / "model", "--healthy", "EMCI", "--out", tmp_path / "a"
    )
    assert result.exit_code == 1
    assert "--healthy: 'EMCI' was not trained on" in result.output


def test_a_training_that_is_not_continued_says_why(trained, tmp_path):
    shutil.copytree(trained / "checkpoints", tmp_path / "checkpoints")
    result = call(
        "train", *sorted((trained / "slices").iterdir()), *ARCHITECTURE.split(), "--iterations", 2, "--batch-size", 2,
        "--validate-every", 2, "--warmup", 1, "--checkpoints", tmp_path / "checkpoints", "--out", tmp_path / "model",
    )  # fmt: skip
    assert result.exit_code == 0
    [line] = [line for line in result.output.splitlines() if line.startswith("training from the start: ")]
    assert line.endswith(".pt, the latest checkpoint there, is of a training with iterations 4 (now 2)")
    assert line in (tmp_path / "checkpoints/training.log").read_text().splitlines()


def test_a_training_that_can_learn_nothing_ends_with_one_line(trained, tmp_path):
    result = call(
        "train", *sorted((trained / "slices").iterdir()), *ARCHITECTURE.split(), "--batch-size", 2,
        "--warmup", 0, "--learning-rate", 1, "--weight-decay", 1e38,
        "--checkpoints", tmp_path / "checkpoints", "--out", tmp_path / "model",
    )  # fmt: skip
    assert result.exit_code == 1
    assert "Error: training step 2: the loss is nan" in result.output.splitlines()[-1]
    assert "Traceback" not in result.output
    assert not (tmp_path / "model").exists()
    assert not list((tmp_path / "checkpoints").glob("*.pt"))


def with_record(folder, **values):
    record = json.loads((folder / "scan.json").read_text())
    (folder / "scan.json").write_text(json.dumps(record | values))


def with_stack(folder, change):
    np.save(folder / "slices.npy", change(np.load(folder / "slices.npy")))


def copied(folder, name, **values):
    shutil.copytree(folder, folder.parent / name)
    with_record(folder.parent / name, **{"scan": name, **values})


SPOILT_COHORTS = {
    "twice": (lambda slices: copied(slices / "cn0", "x", scan="cn0"), "scan cn0 is given twice; give each scan once"),
    "two labels": (lambda slices: copied(slices / "cn0", "x", label="AD"), "scan x has the same voxels as cn0; leave"),
    "train and val": (
        lambda slices: copied(slices / "cn0", "x", split="val"),
        "subject cn0 is in both train and val; slice its scans with one --split",
    ),
    "one person of two ids": (
        lambda slices: with_record(slices / "cn1", subject="sub-CN-00"),
        "subject 'sub-CN-00' of scan 'cn1' and 'cn0' of 'cn0' differ only in zeros, separators, prefix or case; slice",
    ),
    "tested on": (lambda slices: copied(slices / "cn0", "x", split="test"), "subject cn0 is in both train and test"),
    "mirrored": (
        lambda slices: save_signatures(
            slices / "cn1/signature.safetensors", [signature(3 * head_on("isotropic")[0][::-1])]
        ),
        "scan 'cn1' is a turned, mirrored, cropped, rescaled or retyped copy of 'cn0'; leave one of them out",
    ),
    "one person": (lambda slices: with_record(slices / "cn1", subject="cn0"), "subject cn0 is in both train and val"),
    "one class": (
        lambda slices: with_record(slices / "ad0", label="CN"),
        "the scans to train on are all CN; add those",
    ),
    "out of range": (lambda slices: with_stack(slices / "ad0", lambda stack: stack * 255), "values outside [0, 1]"),
    "integers": (lambda slices: with_stack(slices / "ad0", lambda stack: stack.astype(np.uint8)), "type uint8, not"),
    "constant": (lambda slices: with_stack(slices / "ad0", lambda stack: stack * 0), "the value 0 everywhere"),
    "swapped": (
        lambda slices: shutil.copy(slices / "cn0/slices.npy", slices / "ad0/slices.npy"),
        "ad0/slices.npy: damaged (ValueError: not the voxels that scan.json tells of); slice the scan again",
    ),
}


@pytest.mark.parametrize("spoilt", SPOILT_COHORTS)
def test_a_cohort_that_would_mislead_a_training_is_refused(trained, tmp_path, spoilt):
    spoil, expected = SPOILT_COHORTS[spoilt]
    shutil.copytree(trained / "slices", tmp_path / "slices")
    spoil(tmp_path / "slices")
    result = call(
        "train", *sorted((tmp_path / "slices").iterdir()), *ARCHITECTURE.split(),
        "--checkpoints", tmp_path / "checkpoints", "--out", tmp_path / "model",
    )  # fmt: skip
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert expected in result.output
    assert not (tmp_path / "model").exists()
    assert not (tmp_path / "checkpoints").exists()


@pytest.mark.parametrize("tool", ["reconstruct", "tune"])
@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({"size": 64}, "the model was trained on; slice it with --size 64 --slice-range 0.375 0.59375 --fov 192"),
        ({"fov": 256.0}, "--size 32 --slice-range 0.375 0.59375 --fov 256"),
        ({"slice_range": [0.35, 0.75]}, "--size 32 --slice-range 0.35 0.75 --fov 192"),
        ({"max_timestep": 99}, "noise depth 249 is not below 99, the model's max_timestep; give a lower one"),
    ],
)
def test_slices_that_a_model_does_not_know_are_refused(trained, tmp_path, tool, known, expected):
    shutil.copytree(trained / "model", tmp_path / "model")
    config = json.loads((tmp_path / "model/config.json").read_text())
    (tmp_path / "model/config.json").write_text(json.dumps(config | known))
    given = [] if tool == "reconstruct" else ["--noise-depths", "249"]
    result = call(tool, trained / "slices/cn1", *given, "--model", tmp_path / "model", "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert expected.replace("the model was", f"the model {tmp_path / 'model'} was") in result.output.splitlines()[-1]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("option", ["--guidance-scale", "--noise-depth"])
def test_settings_that_are_given_twice_are_a_wrong_usage(trained, tmp_path, option):
    (tmp_path / "settings.json").write_text('{"guidance_scale": 3.0, "noise_depth": 249}')
    given = ("--settings", tmp_path / "settings.json", option, 3, "--model", trained / "model")
    result = call("reconstruct", trained / "slices/cn1", *given, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert f"{option} beside --settings, which says it, too; give one of them." in result.output


def test_two_processes_train_as_one_does(trained, tmp_path):
    options = (
        *sorted((trained / "slices").iterdir()), *ARCHITECTURE.split(), "--iterations", 4, "--batch-size", 3,
        "--validate-every", 4, "--warmup", 1, "--device", "cpu",
    )  # fmt: skip
    one, two = tmp_path / "one", tmp_path / "two"
    done("train", *options, "--checkpoints", tmp_path / "checkpoints-1", "--out", one)
    start = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", 2, train.__file__)
    line = (*start, *options, "--checkpoints", tmp_path / "checkpoints-2", "--out", two)
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    result = subprocess.run([str(part) for part in line], env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    # Not weight by weight: a bias before a norm has no gradient but rounding, of which the optimiser makes whole steps
    given = (torch.rand(2, 1, 32, 32, generator=torch.manual_seed(0)), torch.tensor([9, 99]), torch.tensor([1, 5]))
    alone, shared = (load_model(model)(*given) for model in (one, two))
    torch.testing.assert_close(shared, alone, rtol=0, atol=1e-3 * float(alone.abs().max()))
    losses = [pd.read_csv(model / "loss.csv") for model in (one, two)]
    pd.testing.assert_frame_equal(*losses, rtol=1e-3)
    assert json.loads((two / "config.json").read_text())["training"]["processes"] == 2
    assert (tmp_path / "checkpoints-2/training.log").read_text().count("step 4 of 4") == 1


def test_simulated_cohort_can_be_sliced(tmp_path):
    done("simulate", "--subjects", 5, "--size", 32, "--seed", 1, "--out", tmp_path)
    sheet = pd.read_csv(tmp_path / "samplesheet.csv")
    assert sheet["label"].tolist() == ["CN", "EMCI", "MCI", "LMCI", "AD"]
    ad = sheet.iloc[4]
    done(
        "slice", tmp_path / ad["image"], "--scan", ad["scan"], "--subject", ad["subject"], "--label", ad["label"],
        "--mask", tmp_path / ad["mask"], "--size", 32, "--out", tmp_path / "slices",
    )  # fmt: skip
    truth = nib.load(tmp_path / "slices/truth.nii.gz").get_fdata()
    assert truth.sum() == pytest.approx(nib.load(tmp_path / ad["mask"]).get_fdata().sum(), rel=0.35)


def test_a_mask_of_which_the_cube_keeps_nothing_is_reported(tmp_path):
    write_head(tmp_path / "scan.nii")
    voxels, affine = head_on("isotropic")
    mask = np.zeros(voxels.shape, np.uint8)
    mask[28, 32, 25] = 1
    nib.save(nib.Nifti1Image(mask, affine), tmp_path / "mask.nii")
    result = call(
        "slice", tmp_path / "scan.nii", "--scan", "s", "--subject", "s", "--label", "AD", "--size", 32,
        "--mask", tmp_path / "mask.nii", "--out", tmp_path / "slices",
    )  # fmt: skip
    assert "leaves nothing in the cube of 32 voxels and 192 mm" in result.output


def test_optional_cubes_are_those_of_the_library():
    asked = {cube for score in SCORES.values() for cube in score.cubes}
    assert CUBES == OPTIONAL
    assert set(OPTIONAL) == asked


def test_kinds_of_disease_are_those_of_the_library_and_stated_in_the_truth(tmp_path):
    [option] = [option for option in simulate.simulate_cohort.params if option.name == "kind"]
    assert tuple(option.type.choices) == KINDS
    done("simulate", "--subjects", 5, "--size", 32, "--kind", "lesion", "--out", tmp_path)
    truth = pd.read_csv(tmp_path / "truth.csv")
    assert truth["scan"].tolist() == pd.read_csv(tmp_path / "samplesheet.csv")["scan"].tolist()
    assert set(truth["kind"]) == {"lesion"}
    assert truth["dose"].is_monotonic_increasing
    assert truth["dose"][0] == 0
    assert all((tmp_path / name).is_file() for name in truth["counterfactual"])


def mistakes(folder):
    write_head(folder / "scan.nii.gz")
    nib.save(nib.Nifti1Image(np.zeros((9, 9, 9), dtype=np.uint8), np.eye(4)), folder / "small.nii.gz")
    (folder / "text.nii.gz").write_text("no volume")
    named = ["--scan", "s", "--subject", "s", "--out", folder / "out"]
    return {
        "label": (2, "'--label'", ["slice", folder / "scan.nii.gz", "--label", "XX", *named]),
        "no volume": (1, "text.nii.gz", ["slice", folder / "text.nii.gz", "--label", "CN", *named]),
        "mask": (
            1,
            "small.nii.gz",
            ["slice", folder / "scan.nii.gz", "--label", "CN", "--mask", folder / "small.nii.gz", *named],
        ),
        "no file": (2, "gone.nii.gz", ["slice", folder / "gone.nii.gz", "--label", "CN", *named]),
        "slice range": (
            1,
            "slice range 0.75 to 0.35 is no range",
            ["slice", folder / "scan.nii.gz", "--label", "CN", "--slice-range", 0.75, 0.35, *named],
        ),
        "channels": (
            2,
            "list of whole numbers",
            ["train", folder, "--channels", "a", "--checkpoints", folder, "--out", folder],
        ),
    }


@pytest.mark.parametrize("mistake", ["label", "no volume", "mask", "no file", "slice range", "channels"])
def test_a_mistake_is_one_line_that_names_it(tmp_path, mistake):
    status, named, arguments = mistakes(tmp_path)[mistake]
    result = call(*arguments)
    assert result.exit_code == status
    errors = [line for line in result.output.splitlines() if line.startswith("Error:")]
    assert len(errors) == 1
    assert named in errors[0]
    assert not (tmp_path / "out").exists()
