"""Runs with names that would leave a mark, patients' names everywhere, broken scans among sound ones, no network."""

import csv
import gzip
import os
import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from healthward.inputs.pseudonyms import pseudonym
from models import write_model
from phantoms import head_on
from requirements import need
from robustness.bad_volumes import truncated, zero
from runs import LIMITS, PROJECT, Run, launch

SECRET = "okapi9"
SALT = "a salt; $(touch mark) of 'quotes'"
IMAGES = {
    "okapi9-cn0": "okapi9; touch mark & touch mark | tee mark > mark.nii.gz",
    "okapi9-cn1": "-rf ~ # ! % (okapi9) é 日本.nii.gz",
    "okapi9-ad0": "okapi9 <img src=x onerror=alert(1)>.nii.gz",
}
SITES = {
    "okapi9-cn0": "<script>alert(2)</script>",
    "okapi9-ad0": "<img src=x onerror=alert(3)>",
    "okapi9-cn1": "a; b & c",
}
BROKEN = {"okapi9-torn": "okapi9 torn.nii.gz", "okapi9-gone": "okapi9 gone.nii.gz", "okapi9-zero": "okapi9 zero.nii.gz"}
NO_NETWORK = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--net"]


def isolated() -> bool:
    """Whether this machine can start a command without a network."""
    return bool(shutil.which("unshare")) and subprocess.run([*NO_NETWORK, "true"], check=False).returncode == 0


def write_image(path: Path, number: int) -> None:
    """Write a head that says whose it is in every free text of its header, and in an extension."""
    voxels, affine = head_on("isotropic")
    # Nobody is alike
    own = 1 + np.linspace(0, 0.1 * number, len(voxels))[:, None, None]
    image = nib.Nifti1Image((voxels * own)[::2, ::2, ::2].astype(np.int16), affine @ np.diag([2, 2, 2, 1]))
    for text in ("descrip", "aux_file", "db_name", "intent_name"):
        image.header[text] = SECRET.encode()
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", SECRET.encode()))
    nib.save(image, path)


def write_cohort(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for number, name in enumerate(IMAGES.values()):
        write_image(folder / name, number)
    truncated(folder).rename(folder / BROKEN["okapi9-torn"])
    nib.save(nib.load(zero(folder)), folder / BROKEN["okapi9-zero"])
    (folder / "zero.nii").unlink()
    with (folder / "okapi9.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["scan", "subject", "image", "label", "site"])
        for scan, image in (IMAGES | BROKEN).items():
            table.writerow([scan, f"p-{scan}", image, "AD" if "ad" in scan else "CN", SITES.get(scan, "")])
    return folder / "okapi9.csv"


@dataclass(frozen=True)
class HostileRun(Run):
    network: bool


def run(folder: Path, *arguments: str, within: list[str]) -> HostileRun:
    folder.mkdir(parents=True, exist_ok=True)
    process = launch(folder, "run", str(PROJECT), "-ansi-log", "false", *arguments, within=within)
    output, _ = process.communicate()
    return HostileRun(process.returncode, output, folder, not within)


@pytest.fixture(scope="module")
def hostile_run(tmp_path_factory: pytest.TempPathFactory) -> HostileRun:
    """Three scans of good faith and three broken ones, mapped under pseudonyms and, where that can be had, offline."""
    folder = tmp_path_factory.mktemp("hostile")
    sheet = write_cohort(folder / "images (1) 日本; touch mark &")
    model = write_model(folder / "a model; touch mark", slice_range=[0.45, 0.55])
    found = run(
        folder / "mes études (1) 日本",
        *("--input", str(sheet), "--model", str(model), "--outdir", "results; touch mark &"),
        *("--noise_depth", "99", "--ddim_steps", "2", "--inversion_iterations", "0", "--device", "cpu", *LIMITS),
        *("--scans_per_task", "2", "--metrics", "ssim", "--lowest_slices", "1"),
        *("--skip_bad_scans", "--pseudonymise", "--pseudonym_salt", SALT),
        within=NO_NETWORK if isolated() else [],
    )
    assert found.status == 0, found.output
    return found


@pytest.fixture(scope="module")
def outdir(hostile_run: HostileRun) -> Path:
    return hostile_run.folder / "results; touch mark &"


def pseudonyms(scans: dict[str, str]) -> set[str]:
    return {pseudonym("scan", scan, SALT) for scan in scans}


def test_no_name_is_carried_out_as_a_command(hostile_run: HostileRun) -> None:
    assert not [path for path in hostile_run.folder.parent.rglob("*") if path.name in ("mark", "mark.nii.gz")]


def test_every_sound_scan_is_mapped(outdir: Path) -> None:
    assert {path.name for path in (outdir / "maps").iterdir()} == pseudonyms(IMAGES)
    for scan in pseudonyms(IMAGES):
        assert (outdir / f"maps/{scan}/{scan}_anomaly.nii.gz").is_file()


def contents(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.name.endswith(".gz") else path.read_bytes()


def test_no_name_of_a_patient_is_in_what_is_published(outdir: Path) -> None:
    published = [path for path in outdir.rglob("*") if "pipeline_info" not in path.relative_to(outdir).parts]
    assert len(published) > 25
    for path in published:
        assert SECRET not in str(path.relative_to(outdir)).lower()
        assert path.is_dir() or SECRET.encode() not in contents(path).lower(), path
        assert path.is_dir() or SALT.encode() not in contents(path), path


def test_key_is_its_owners_alone(outdir: Path) -> None:
    key = outdir / "pipeline_info/pseudonyms.csv"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    with key.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["original_scan"] for row in rows} == {*IMAGES, *BROKEN}
    assert all(row["scan"] == pseudonym("scan", row["original_scan"], SALT) for row in rows)
    assert SECRET not in (outdir / "pipeline_info/inputs.csv").read_text()


def test_what_is_left_out_is_reported_three_times(hostile_run: HostileRun, outdir: Path) -> None:
    warned = [line for line in hostile_run.output.splitlines() if "left out" in line]
    assert any("left out by --skip_bad_scans: 3 scans of 6, listed in tables/skipped.csv" in line for line in warned)
    for row, scan in ((5, "okapi9-torn"), (6, "okapi9-gone"), (7, "okapi9-zero")):
        assert any(f"left out: okapi9.csv row {row}, scan {scan}, image: '" in line for line in warned)
    with (outdir / "tables/skipped.csv").open(encoding="utf-8") as file:
        reasons = {row["scan"]: row["reason"] for row in csv.DictReader(file)}
    assert reasons.keys() == pseudonyms(BROKEN)
    assert reasons[pseudonym("scan", "okapi9-zero", SALT)].startswith("the image holds the value 0 everywhere")
    report = (outdir / "report.html").read_text(encoding="utf-8")
    distrust = report.split("What to distrust")[1].split("<h")[0]
    assert "3 scans of 6 left out" in distrust
    assert all(scan in distrust for scan in pseudonyms(BROKEN))
    assert "3 scans of 6 left out" in (outdir / "pipeline_info/summary.txt").read_text()


def test_markup_is_text_in_the_report(outdir: Path) -> None:
    report = (outdir / "report.html").read_text(encoding="utf-8")
    for markup in (*SITES.values(), IMAGES["okapi9-ad0"]):
        assert "<" not in markup or markup not in report


def test_no_network_is_used(hostile_run: HostileRun) -> None:
    need("unshare", [] if not hostile_run.network else ["the right to make a network namespace"])
    probe = "import socket; socket.create_connection(('192.0.2.1', 80), 5)"
    refused = subprocess.run([*NO_NETWORK, sys.executable, "-c", probe], capture_output=True, text=True, check=False)
    assert "Network is unreachable" in refused.stderr
    assert hostile_run.status == 0


NAMES_THAT_RUN = [
    "$(touch mark).nii.gz",
    "`touch mark`.nii.gz",
    "a'b.nii.gz",
    'a"b.nii.gz',
    "{a,b}.nii.gz",
    "a\\b.nii.gz",
]


def test_names_that_a_shell_would_run_are_refused_and_every_problem_of_a_sheet_is_a_line(tmp_path: Path) -> None:
    """The names exist, and Nextflow would stage them."""
    write_image(tmp_path / "sound.nii.gz", 0)
    for name in NAMES_THAT_RUN:
        shutil.copy(tmp_path / "sound.nii.gz", tmp_path / name)
    with (tmp_path / "sheet.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["scan", "subject", "image", "label"])
        table.writerows([f"s{number}", f"p{number}", name, "CN"] for number, name in enumerate(NAMES_THAT_RUN))
        table.writerow(["$(touch mark)", "p; touch mark", "sound.nii.gz", "AD"])
        table.writerow(["b", "s2", "missing.nii.gz", "AD"])
        table.writerow(["c", "s3", "sound.nii.gz", "healthy"])
    found = run(tmp_path, "--input", "sheet.csv", within=[])
    assert found.status != 0
    assert "Caused by" not in found.output
    lines = [line for line in found.output.rpartition("Submitted process")[2].splitlines()[1:] if line]
    assert [line.split(":")[0] for line in lines] == [
        "sheet.csv row 2, image",
        "sheet.csv row 7, image",
        "sheet.csv row 8, scan",
        "sheet.csv row 8, subject",
        "sheet.csv row 9, image",
        "sheet.csv row 10, label",
        # The voxels of row 8
        "sheet.csv row 10, image",
    ]
    assert "; 4 more like this: " in lines[0]
    assert not list(tmp_path.rglob("mark"))
    assert {process for process, _ in found.tasks()} == {"CHECK"}


def test_results_that_cannot_be_written_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = run(tmp_path, "--simulate", "5", "--outdir", "file", within=[])
    assert found.status != 0
    [line] = [line for line in found.output.splitlines() if line.startswith("ERROR")]
    assert line.endswith("/file/pipeline_info: Not a directory")
