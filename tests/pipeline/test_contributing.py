"""What docs/contributing.md says to add, added to the letter to a copy of the project, on which fast tests run."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from phantoms import small_brain
from runs import PROJECT, copy_project

SCORE = ('"deformation": Score("Deformation"),', '"squared": Score("Squared difference"),')
SCORE_FUNCTION = '''def squared(cubes: FusedCubes) -> Array:
    """Return (x - x̂ healthy)²."""
    return np.square(cubes.input - cubes.healthy)


SCORES: dict'''
METRIC = ('"vsi": Metric("VSI"),', '"mae": Metric("MAE"),')
METRIC_CALL = """    if "mae" in wanted:
        gap = (x - y).abs()
        frame["mae"], region["mae_brain"] = gap.mean(dim=(1, 2)), region_mean(gap, brain)
    if "vsi" in wanted:"""


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text, f"{file.name} has no {old!r}"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def add_a_score_and_a_metric(copy: Path) -> None:
    library = copy / "bin/healthward"
    edit(library / "names.py", SCORE[0], "\n    ".join(SCORE))
    edit(library / "maps/scores.py", "SCORES: dict", SCORE_FUNCTION)
    edit(library / "maps/scores.py", "forward, deformation),", "forward, deformation, squared),")
    edit(library / "names.py", METRIC[0], "\n    ".join(reversed(METRIC)))
    edit(library / "evaluation/metrics.py", '    if "vsi" in wanted:', METRIC_CALL)
    # The schema's choices, which a test holds to the register
    edit(copy / "nextflow_schema.json", '"deformation"\n', '"deformation",\n            "squared"\n')
    edit(copy / "nextflow_schema.json", "forward, deformation;", "forward, deformation, squared;")
    edit(copy / "nextflow_schema.json", "lpips, vsi and fid", "lpips, mae, vsi and fid")
    edit(copy / "docs/method.md", "`deformation`", "`squared`, `deformation`")
    edit(copy / "docs/outputs.md", "vsi", "mae vsi")


def add_a_column_of_the_sheet(copy: Path) -> None:
    fields = copy / "bin/healthward/inputs/fields.py"
    edit(fields, '"site", "control")', '"site", "control", "hand")')
    edit(fields, '    control: str = ""\n', '    control: str = ""\n    hand: str = ""\n')
    edit(fields, '    "sex": _sex,\n', '    "sex": _sex,\n    "hand": lambda text: _choice(text, ("left", "right")),\n')


FORMAT = """from functools import partial

import numpy as np

from healthward.imaging.volume import Volume, nifti_header


def open_npy(path: str, fewest: int) -> Volume:
    voxels, affine = np.load(path), np.diag([4.0, 4.0, 4.0, 1.0])
    return Volume(path, nifti_header(voxels.shape, affine, voxels.dtype), affine, (), partial(np.load, path))
"""


def add_an_input_format(copy: Path) -> None:
    library = copy / "bin/healthward"
    (library / "imaging/npy.py").write_text(FORMAT, encoding="utf-8")
    edit(library / "inputs/volume_names.py", '".mgh")', '".mgh", ".npy")')
    edit(library / "imaging/formats.py", '".mgh": open_mgh}', '".mgh": open_mgh, ".npy": open_npy}')
    edit(
        library / "imaging/formats.py",
        "import open_mgh\n",
        "import open_mgh\nfrom healthward.imaging.npy import open_npy\n",
    )
    edit(copy / "modules/inputs.nf", "|mgh)/", "|mgh|npy)/")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project to which all this was added."""
    project = copy_project(tmp_path_factory.mktemp("contributing") / "project")
    for name in ("docs", "tests", "pyproject.toml", "containers"):
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, project / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
        else:
            shutil.copy(source, project / name)
    add_a_score_and_a_metric(project)
    add_a_column_of_the_sheet(project)
    add_an_input_format(project)
    return project


def test_the_tests_pass_as_before(copy: Path) -> None:
    names = ("unit/test_names", "unit/test_parameters", "unit/test_samplesheet", "unit/test_scores", "unit/test_report")
    tests = [f"tests/{name}.py" for name in (*names, "cli/test_check", "cli/test_score")]
    # That workers of a check give what one does has nothing to do with what was added
    line = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "not several_workers", *tests]
    result = subprocess.run(line, cwd=copy, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_a_column_of_the_sheet_is_read(copy: Path) -> None:
    (copy / "sheet.csv").write_text("scan,subject,image,label,Hand\na,a,a.nii.gz,CN,LEFT\nb,b,b.nii.gz,AD,both\n")
    line = [sys.executable, "bin/check.py", "--input", "sheet.csv", "--workers", "1", "--out", "checked"]
    result = subprocess.run(line, cwd=copy, capture_output=True, text=True, check=False)
    assert result.stderr.count("hand:") == 1
    assert "row 3, hand: 'both' is none of left, right" in result.stderr


def test_an_input_format_is_read(copy: Path) -> None:
    np.save(copy / "head.npy", np.pad(small_brain((40, 44, 40), seed=0), 4))
    line = [
        sys.executable,
        "bin/slice.py",
        "head.npy",
        "--scan",
        "a",
        "--subject",
        "a",
        "--label",
        "CN",
        "--size",
        "32",
    ]
    result = subprocess.run([*line, "--out", "cut"], cwd=copy, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert (copy / "cut/slices.npy").is_file()
