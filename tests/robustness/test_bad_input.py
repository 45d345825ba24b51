"""Every mistake of the tables: a clear line with the place, the value and the mend, and finished results left whole."""

import csv
import importlib
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result

from check import main as check
from models import write_model
from phantoms import write_head
from requirements import need
from robustness.bad_inputs import (
    BAD_COHORTS,
    BAD_COMMANDS,
    BAD_ENTRIES,
    BAD_JSON,
    BAD_MODELS,
    BAD_PARAMETERS,
    BAD_SCANS,
    BAD_SHEETS,
    BAD_VALUES,
    HEADER,
    ONE_LINE_SHEETS,
    scan_options,
)
from robustness.bad_volumes import BAD_MASKS, BAD_VOLUMES, VOXELS, bomb, empty_bomb, save, unreadable
from slice import slice_scan

TABLES = (
    BAD_VALUES, BAD_SHEETS, ONE_LINE_SHEETS, BAD_ENTRIES, BAD_JSON, BAD_SCANS, BAD_COHORTS, BAD_PARAMETERS, BAD_MODELS,
    BAD_COMMANDS, BAD_VOLUMES, BAD_MASKS,
)  # fmt: skip
BIN = Path(__file__).parents[2] / "bin"
NOBODY = 65534


@pytest.fixture(scope="module")
def volumes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of good volumes, and of what tools may be given in their place."""
    folder = tmp_path_factory.mktemp("volumes")
    for number, name in enumerate(("cn0", "cn1", "ad0", "ad1", "extra")):
        save(folder / f"{name}.nii", VOXELS + np.float32(number))
    save(folder / "copy.nii.gz", VOXELS)
    save(folder / "zero.nii", np.zeros_like(VOXELS))
    (folder / "rubbish.nii").write_text("rubbish")
    (folder / "samplesheet.csv").write_text("scan\na\n")
    (folder / "empty").mkdir()
    (folder / "damaged").mkdir()
    for name in ("scan.json", "slices.npy", "stack.npz", "scores.npz", "reconstruction.csv"):
        (folder / "damaged" / name).write_text("rubbish")
    write_model(folder / "model")
    return folder


@pytest.fixture
def folder(volumes: Path, tmp_path: Path) -> Path:
    """A folder of its own with links to the good volumes."""
    for path in volumes.glob("*.nii*"):
        (tmp_path / path.name).hardlink_to(path)
    return tmp_path


@pytest.fixture
def finished(tmp_path: Path) -> Iterator[Path]:
    """Results of an earlier run, which must be as they were when all is over."""
    out = tmp_path / "results"
    out.mkdir()
    for name in ("samplesheet.csv", "split.csv", "inputs.csv", "versions.json"):
        (out / name).write_text("finished")
    yield out
    assert {path.name: path.read_text() for path in out.iterdir()} == dict.fromkeys(
        ("samplesheet.csv", "split.csv", "inputs.csv", "versions.json"), "finished"
    )


def complaints(result: Result, status: int = 1) -> list[str]:
    """Return what a tool said that was to refuse its input."""
    assert result.exit_code == status, result.output
    assert isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    lines = result.stderr.split("Error: ", 1)[1].splitlines()
    assert all(line.isprintable() for line in lines)
    return lines


def refused(out: Path, *arguments: object) -> list[str]:
    return complaints(CliRunner().invoke(check, [*map(str, arguments), "--workers", "1", "--out", str(out)]))


def write_sheet(folder: Path, *rows: dict[str, str]) -> Path:
    """Write a sheet of four good scans, in rows 2 to 5, and more rows."""
    good = [
        {"scan": name, "subject": name, "image": f"{name}.nii", "label": name[:2]}
        for name in ("cn0", "cn1", "ad0", "ad1")
    ]
    text = io.StringIO()
    table = csv.DictWriter(text, HEADER.split(","), lineterminator="\n")
    table.writeheader()
    table.writerows([*good, *rows])
    (folder / "sheet.csv").write_text(text.getvalue(), encoding="utf-8")
    return folder / "sheet.csv"


@pytest.mark.parametrize(("column", "value", "mend"), BAD_VALUES)
def test_value(folder: Path, finished: Path, column: str, value: str, mend: str) -> None:
    row = {"scan": "s", "subject": "p", "image": "extra.nii", "label": "CN"} | {column: value}
    [line] = refused(finished, "--input", write_sheet(folder, row))
    assert line.startswith(f"sheet.csv row 6, {column}: ")
    assert mend in line
    if value and len(value) < 100:
        assert repr(value) in line


@pytest.mark.parametrize(("text", "parts"), BAD_SHEETS)
def test_sheet(folder: Path, finished: Path, text: str, parts: list[str]) -> None:
    (folder / "sheet.csv").write_text(text, encoding="utf-8")
    lines = refused(finished, "--input", folder / "sheet.csv")
    assert all(line.startswith("sheet.csv") for line in lines)
    assert any(all(part in line for part in parts) for line in lines), lines


@pytest.mark.parametrize(("text", "part"), ONE_LINE_SHEETS)
def test_a_mistake_of_every_row_is_one_line(folder: Path, finished: Path, text: str, part: str) -> None:
    (folder / "sheet.csv").write_text(text, encoding="utf-8")
    [line] = refused(finished, "--input", folder / "sheet.csv")
    assert part in line


@pytest.mark.parametrize(("entry", "start"), BAD_ENTRIES)
def test_entry_of_a_list(folder: Path, finished: Path, entry: object, start: str) -> None:
    (folder / "dataset.json").write_text(json.dumps([entry]))
    lines = refused(finished, "--input", folder / "dataset.json")
    assert any(line.startswith(f"dataset.json {start}") for line in lines), lines


@pytest.mark.parametrize(("text", "part"), BAD_JSON, ids=[part for _, part in BAD_JSON])
def test_list(folder: Path, finished: Path, text: str, part: str) -> None:
    (folder / "dataset.json").write_text(text)
    [line] = refused(finished, "--input", folder / "dataset.json")
    assert line.startswith("dataset.json")
    assert part in line


@pytest.mark.parametrize(("text", "start"), BAD_SCANS)
def test_single_scan(volumes: Path, folder: Path, finished: Path, text: str, start: str) -> None:
    [line] = refused(finished, "--scan", text, "--base", folder, "--model", volumes / "model")
    assert line.startswith(start)


@pytest.mark.parametrize(("name", "rows", "part"), BAD_COHORTS, ids=[name for name, *_ in BAD_COHORTS])
def test_cohort(folder: Path, finished: Path, name: str, rows: list[str], part: str) -> None:
    header = "scan,subject,image,label" + (",split" if rows[0].count(",") == 4 else "")
    (folder / "sheet.csv").write_text("\n".join([header, *rows]))
    lines = refused(finished, "--input", folder / "sheet.csv")
    assert any(part.format(folder=folder) in line for line in lines), lines


@pytest.mark.parametrize(("make", "reason", "mend"), BAD_VOLUMES, ids=[make.__name__ for make, *_ in BAD_VOLUMES])
def test_volume(folder: Path, finished: Path, make, reason: str, mend: str) -> None:
    path = make(folder)
    row = {"scan": "s", "subject": "p", "image": path.name, "label": "CN"}
    [line] = refused(finished, "--input", write_sheet(folder, row))
    assert line.startswith(f"sheet.csv row 6, image: '{str(path)[:40]}")
    assert reason in line
    assert mend in line


@pytest.mark.parametrize(("make", "reason", "mend"), BAD_MASKS, ids=[make.__name__ for make, *_ in BAD_MASKS])
def test_mask(folder: Path, finished: Path, make, reason: str, mend: str) -> None:
    row = {"scan": "s", "subject": "p", "image": "extra.nii", "label": "CN", "mask": make(folder).name}
    [line] = refused(finished, "--input", write_sheet(folder, row))
    assert line.startswith("sheet.csv row 6, mask: '")
    assert reason in line
    assert mend in line


@pytest.mark.parametrize(("content", "parts"), BAD_PARAMETERS, ids=range(len(BAD_PARAMETERS)))
def test_parameters(folder: Path, finished: Path, content: str | bytes, parts: list[str]) -> None:
    path = folder / "parameters.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    [line] = refused(finished, "--parameters", path)
    assert all(part in line for part in parts), line


@pytest.mark.parametrize("name", BAD_MODELS)
def test_model(folder: Path, finished: Path, name: str) -> None:
    make, part = BAD_MODELS[name]
    lines = refused(finished, "--input", write_sheet(folder), *make(folder))
    assert all(line.startswith("model: ") for line in lines)
    assert any(part in line for line in lines), lines
    assert not (folder / "mark").exists()


@pytest.mark.parametrize("name", BAD_COMMANDS)
def test_command(volumes: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tool, arguments, part = BAD_COMMANDS[name]
    options = arguments(volumes)
    before = {path: path.stat().st_mtime_ns for path in volumes.rglob("*")}
    monkeypatch.chdir(volumes)
    [command] = [found for found in vars(importlib.import_module(tool)).values() if isinstance(found, click.Command)]
    result = CliRunner().invoke(command, options)
    assert result.exit_code in (1, 2)
    assert isinstance(result.exception, SystemExit)
    assert part in result.stderr.splitlines()[-1]
    assert {path: path.stat().st_mtime_ns for path in volumes.rglob("*")} == before


def test_there_are_many_cases(record_property: Callable[[str, object], None]) -> None:
    count = sum(len(table) for table in TABLES)
    assert count >= 80
    record_property("bad inputs", f"{count} tried")


MEASURED = """
import resource, sys
from healthward.checks.inspection import inspect
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sys.argv[1:]:
    assert inspect((path, "", "")).problems
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_no_memory_is_spent_on_voxels_that_a_header_only_declares(tmp_path: Path) -> None:
    """280 TB by one header, and 2 GB by another whose number could be believed."""
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    paths = [bomb(tmp_path / "one"), empty_bomb(tmp_path / "other")]
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *map(str, paths)], cwd=BIN, capture_output=True, text=True, check=True
    )
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(done.stdout) * unit < 100e6


@contextmanager
def unprivileged() -> Iterator[None]:
    """Without a superuser's rights, where the tests have them."""
    if os.geteuid() != 0:
        yield
        return
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@pytest.fixture
def open_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that everyone may read and write, with a sheet of four good scans."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        monkeypatch.setenv("TORCH_HOME", name)
        folder.chmod(0o777)
        for number, scan in enumerate(("cn0", "cn1", "ad0", "ad1")):
            save(folder / f"{scan}.nii", VOXELS + np.float32(number))
        write_sheet(folder)
        # What a first run imports may be out of reach for others
        assert CliRunner().invoke(check, checking(folder)).exit_code == 0
        yield folder


def checking(folder: Path, out: str = "out") -> list[str]:
    return ["--input", str(folder / "sheet.csv"), "--workers", "1", "--out", str(folder / out)]


def test_volume_without_permission(open_folder: Path) -> None:
    unreadable(open_folder)
    write_sheet(open_folder, {"scan": "s", "subject": "p", "image": "unreadable.nii", "label": "CN"})
    with unprivileged():
        result = CliRunner().invoke(check, checking(open_folder, "new"))
    [line] = complaints(result)
    assert line.startswith("sheet.csv row 6, image: '")
    assert line.endswith("unreadable.nii' cannot be opened (Permission denied); see to its permissions")


def test_sheet_without_permission(open_folder: Path) -> None:
    (open_folder / "sheet.csv").chmod(0)
    with unprivileged():
        result = CliRunner().invoke(check, checking(open_folder, "new"))
    assert complaints(result) == ["sheet.csv: cannot be read (Permission denied); see to its permissions"]


def test_results_that_may_not_be_written(open_folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in (open_folder / "out").iterdir()}
    for path in (*(open_folder / "out").iterdir(), open_folder / "out"):
        path.chmod(0o555)
    with unprivileged():
        result = CliRunner().invoke(check, checking(open_folder))
    [line] = complaints(result)
    assert line == f"{open_folder}/out/samplesheet.csv: Permission denied; see to its permissions"
    assert {path.name: path.read_bytes() for path in (open_folder / "out").iterdir()} == before


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system that soon is full."""
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], check=False)
    need("mount", [] if mounted.returncode == 0 else ["the right to mount a file system"])
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


@contextmanager
def small_files(limit: int) -> Iterator[None]:
    """No file larger than `limit` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def slicing(tmp_path: Path, out: Path) -> list[str]:
    write_head(tmp_path / "head.nii.gz")
    return [str(tmp_path / "head.nii.gz"), *scan_options(tmp_path, out=str(out))]


def test_full_disk(tmp_path: Path) -> None:
    arguments = slicing(tmp_path, tmp_path / "disk/slices")
    with small_disk(tmp_path / "disk", "64k"):
        [line] = complaints(CliRunner().invoke(slice_scan, arguments))
    assert line.endswith("No space left on device; free some space, or write to another disk")


def test_file_that_may_grow_no_larger(tmp_path: Path) -> None:
    arguments = slicing(tmp_path, tmp_path / "slices")
    with small_files(10_000):
        [line] = complaints(CliRunner().invoke(slice_scan, arguments))
    assert line.startswith(str(tmp_path / "slices"))
    assert line.endswith("or write to another disk")
