"""A run owns what it publishes: what earlier runs left in its outdir is moved aside, all else stays. Stub runs."""

import fcntl
import json
import shutil
import signal
from pathlib import Path

import pytest

from runs import STAGES, STUB, Run, files_of, nextflow, published_by, start, succeed, wait_for, write_sheet

NOTES = (
    "notes.txt", "tables/notes.txt", "model/notes.txt", "maps/val-1/notes.txt", "maps/val-1/val-1_mine.nii",
    "figures/poster.svgz", "checkpoints/1f3a.pt",
)  # fmt: skip
"""What a user keeps there."""

SHEET = (*STUB, "--input", "samplesheet.csv")


@pytest.fixture
def earlier(stub_run: Run, tmp_path: Path) -> Path:
    """The outdir of an earlier run in which a user keeps things as well; each file says that it is of that run."""
    outdir = shutil.copytree(stub_run.outdir, tmp_path / "results")
    for name in files_of(outdir):
        (outdir / name).write_text("of the earlier run")
    for name in NOTES:
        (outdir / name).parent.mkdir(exist_ok=True)
        (outdir / name).write_text("a user's own")
    write_sheet(tmp_path)
    return outdir


def contents(folder: Path) -> dict[str, str]:
    return {name: (folder / name).read_text() for name in files_of(folder)}


def superseded(outdir: Path) -> Path:
    [folder] = (outdir / "superseded").iterdir()
    return folder


def test_list_names_what_is_published_by(stub_run: Run) -> None:
    assert published_by(stub_run.outdir) == files_of(stub_run.outdir)
    assert not (stub_run.outdir / "superseded").exists()


@pytest.mark.parametrize("version", ["with a list", "older, without a list"])
def test_what_a_run_does_not_make_again_is_moved_aside(version: str, earlier: Path, tmp_path: Path) -> None:
    before = published_by(earlier)
    made_by = json.loads((earlier / "pipeline_info/run.json").read_text())
    if version == "older, without a list":
        (earlier / "pipeline_info/published.txt").unlink()
    pseudonyms = ("--pseudonymise", "--pseudonym_salt", "a long secret") if version == "with a list" else ()
    # An image that is of the earlier run's results stays where the sheet names it
    image = "maps/val-1/val-1_anomaly.nii.gz"
    write_sheet(tmp_path, f"a,a,{earlier / image},CN")
    run = succeed(tmp_path, *SHEET, "--train_only", *pseudonyms)
    assert ("SLICE", "train-1") in run.tasks()
    assert ("SLICE", "test-1") not in run.tasks()
    assert (earlier / image).read_text() == "of the earlier run"
    assert ("holds results with original ids of an earlier run; delete it before" in run.output) == bool(pseudonyms)
    aside = superseded(earlier)
    moved = files_of(aside) - {"made_by/run.json", "made_by/params.json"}
    assert moved == before - published_by(earlier) - {image}
    assert {"report.html", "maps/val-1/val-1_zscore.nii.gz", "tables/scans.csv", "viewer/val-1/scan.js"} <= moved
    assert {(aside / name).read_text() for name in moved} == {"of the earlier run"}
    assert json.loads((aside / "made_by/run.json").read_text()) == made_by
    here = {name for name in files_of(earlier) if not name.startswith("superseded/")}
    assert here == published_by(earlier) | {image, *NOTES}
    assert {(earlier / name).read_text() for name in NOTES} == {"a user's own"}
    assert not (earlier / "viewer").exists()
    assert f"{len(moved)} files of earlier runs, which this one has not made again, moved to {aside}" in run.output


def test_run_refused_for_its_parameters_names_them_and_changes_nothing(earlier: Path, tmp_path: Path) -> None:
    before, record = contents(earlier), (earlier / "pipeline_info/run.json").read_text()
    wrong = ("--seed", "-1", "--size", "33", "--max_memory", "12", "--itreations", "5")
    run = nextflow(tmp_path, "--simulate", "5", *wrong)
    assert run.status != 0
    assert {process for process, _ in run.tasks()} == {"CHECK_PARAMETERS"}
    said = [line for line in run.output.splitlines() if line.startswith("parameter")]
    assert "'itreations' is no parameter; did you mean iterations?" in "\n".join(said)
    assert {"parameter size", "parameter seed", "parameter max_memory"} <= {line.split(":")[0] for line in said}
    assert contents(earlier) == before
    assert (earlier / "pipeline_info/run.json").read_text() == record
    assert "of earlier runs" not in run.output


def test_model_that_runs_read_stays_and_a_failed_one_moves_nothing_but_the_one_after_it(
    earlier: Path, tmp_path: Path
) -> None:
    scan = (*STUB, "--scan", '{"image": "ad0.nii.gz", "label": 5}', "--model", "results/model", "-resume")
    run = succeed(tmp_path, *scan)
    assert run.processes("COMPLETED") == {*STAGES} - {"TRAIN"}
    model = earlier / "model/diffusion.safetensors"
    assert model.read_text() == "of the earlier run"
    assert "model/diffusion.safetensors" in published_by(earlier)
    assert not (earlier / "superseded").exists()
    assert "moved to" not in run.output

    before = published_by(earlier)
    # In place: the folder's own time stays
    model.write_text("another network")
    (tmp_path / "site.config").write_text("process { withName: AGGREGATE { beforeScript = 'exit 1' } }")
    failed = nextflow(tmp_path, *scan, "--bids", "-c", "site.config")
    assert failed.status != 0
    assert failed.processes("CACHED") == {"PREPARE", "SLICE"}
    assert before <= files_of(earlier)
    assert not (earlier / "superseded").exists()
    left = {
        name for name in before if name.startswith(("maps/", "tables/", "figures/", "report", "pipeline_info/summary"))
    } - {"tables/preparation.csv"}
    assert f"{len(left)} files in {earlier}, such as report.html, still of earlier runs" in failed.output

    run = succeed(tmp_path, *scan, "--bids")
    # Of three scans six maps of the reconstruction and three of the calibration
    assert run.tasks()["EXPORT_BIDS", "27 maps"] == "COMPLETED"
    assert (earlier / "bids/dataset_description.json").is_file()
    assert f"Lay over the scans:  {earlier / 'bids'}" in run.output
    maps = {name for name in before if name.startswith("maps/")}
    assert maps
    assert maps <= files_of(superseded(earlier))
    assert {f"maps/{name}" for name in files_of(earlier / "maps")} <= {*NOTES}
    assert model.read_text() == "another network"
    assert "model/config.json" in published_by(earlier)


def test_two_runs_do_not_share_an_outdir(tmp_path: Path) -> None:
    write_sheet(tmp_path)
    (tmp_path / "site.config").write_text("process.beforeScript = 'sleep 90'")
    first = start(tmp_path, *SHEET, "-c", "site.config")
    lock = tmp_path / "results/pipeline_info/.lock"
    wait_for(lambda: lock.exists() and lock.read_text() != "", first)
    name = lock.read_text()
    second = nextflow(tmp_path, *SHEET)
    assert second.status != 0
    [line] = [line for line in second.output.splitlines() if "parameter outdir" in line]
    assert f"'{lock.parents[1]}' is being written by another run ({name}); wait for its end" in line
    assert "Submitted process" not in second.output
    first.send_signal(signal.SIGKILL)
    first.communicate()
    with lock.open("r+") as file:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_files_that_no_run_of_ours_has_written_are_not_overwritten(tmp_path: Path) -> None:
    sheet = write_sheet(tmp_path).rename(tmp_path / "split.csv")
    before = sheet.read_bytes()
    run = nextflow(tmp_path, *STUB, "--input", str(sheet), "--outdir", ".")
    assert run.status != 0
    assert f"parameter outdir: '{sheet}' is there, of no earlier run, and would be overwritten" in run.output
    assert sheet.read_bytes() == before


def test_preview_moves_nothing(earlier: Path, tmp_path: Path) -> None:
    before = contents(earlier / "maps")
    run = succeed(tmp_path, *SHEET, "-preview")
    assert "ERROR" not in run.output
    assert contents(earlier / "maps") == before
    assert not (earlier / "superseded").exists()


def test_stub_run_replaces_no_results(earlier: Path, tmp_path: Path) -> None:
    record = earlier / "pipeline_info/run.json"
    record.write_text(json.dumps({"run": "real"}))
    run = nextflow(tmp_path, *SHEET)
    assert run.status != 0
    assert "holds results, which a stub run would replace by empty files" in run.output
