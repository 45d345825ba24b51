"""What is fuzzed: each target takes bytes, and raises where the code answers with anything but rows and problems."""

import atexit
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np

from healthward.checks.inspection import inspect
from healthward.inputs.other_columns import text_problem
from healthward.inputs.parameters import completed, properties, validate
from healthward.inputs.samplesheet import read_scan, read_sheet
from phantoms import small_brain

PROJECT = Path(__file__).parents[2]
SCHEMA = json.loads((PROJECT / "nextflow_schema.json").read_text(encoding="utf-8"))
HEADER = b"scan,subject,image,label,split,mask,age,sex,site\n"
FORBIDDEN = set("'\"$`\\*?[]{}\n\r")

_memory = Path("/dev/shm")
_folder = tempfile.TemporaryDirectory(dir=_memory if _memory.is_dir() else None)
atexit.register(_folder.cleanup)
FOLDER = Path(_folder.name)


def _assert_safe(lines: list[str], rows: list) -> None:
    """Every problem is one line that can be printed; what has none may reach a shell and a file's name."""
    assert all(line.isprintable() for line in lines), lines
    for row in rows if not lines else []:
        for text in (row.scan, row.subject, row.image, row.mask, row.site):
            assert not FORBIDDEN.intersection(text), row
            text.encode()
        for text in (part for pair in row.others for part in pair):
            assert text_problem(text) is None, row
            text.encode()


def _cohort(name: str, content: bytes) -> None:
    path = FOLDER / name
    path.write_bytes(content)
    read = read_sheet(path)
    _assert_safe(read.problem_lines(), read.rows)
    assert read.rows or read.problems


def sheet(content: bytes) -> None:
    _cohort("sheet.csv", content)


def dataset(content: bytes) -> None:
    _cohort("dataset.json", content)


def scan(content: bytes) -> None:
    read = read_scan(content.decode("utf-8", "surrogateescape"), FOLDER)
    _assert_safe(read.problem_lines(), read.rows)
    assert read.rows or read.problems


def parameters(content: bytes) -> None:
    try:
        given = json.loads(content)
    except (ValueError, RecursionError):
        return
    if not isinstance(given, dict):
        return
    lines = validate(given, SCHEMA)
    assert all(line.isprintable() for line in lines), lines
    assert completed(given, SCHEMA).keys() == properties(SCHEMA).keys()


def volume(content: bytes) -> None:
    path = FOLDER / "volume.nii"
    path.write_bytes(content)
    _inspected(path)


def packed_volume(content: bytes) -> None:
    path = FOLDER / "packed.nii.gz"
    path.write_bytes(content)
    _inspected(path)


def _inspected(path: Path) -> None:
    found = inspect((str(path), "", ""))
    assert bool(found.digest) != bool(found.problems), found
    assert all(text.isprintable() for _, text in found.problems), found


def _sound(name: str) -> bytes:
    voxels = (250 * small_brain((8, 8, 8), seed=0)).astype(np.uint8)
    nibabel.Nifti1Image(voxels, np.diag([20, 20, 20, 1])).to_filename(FOLDER / name)
    return (FOLDER / name).read_bytes()


TARGETS: dict[str, tuple[Callable[[bytes], None], list[bytes]]] = {
    "sheet": (
        sheet,
        [
            HEADER + b"a,p,a.nii,CN,train,m.nii,70,F,Oslo\n",
            HEADER + b'a,p,"a, b.nii",5,,,,,\nb,q,"$(x).nii",XX,test,,1e3,m,=1\n',
            b"\xef\xbb\xbfscan;subject;image;label\r\na;p;a.nii;ad\r\n",
        ],
    ),
    "dataset": (
        dataset,
        [
            b'[{"image": "cn/cn0.nii.gz", "slice_label": 1}, {"image": "ad/sub-07_T1w.nii", "slice_label": 5}]',
            b'[{"image": "\\ud800.nii", "label": "ad", "scan": "m12", "age": 1e9, "site": "B", "mask": null}]',
        ],
    ),
    "scan": (scan, [b'{"image": "ad0.nii.gz", "label": 5}', b'{"image": "a b.nii", "label": "CN", "scan": "x"}']),
    "parameters": (
        parameters,
        [
            b'{"input": "sheet.csv", "size": 64, "slice_range": "0.3,0.8", "fov": 200, "seed": "1"}',
            b'{"simulate": 24, "channels": "32,64", "attention_levels": "0,1", "tune": true, "max_memory": "16.GB"}',
            b'{"scan": "{}", "model": "x.pt", "embedding": "e.pt", "scores": "likeness", "metrics": "ssim,fid"}',
        ],
    ),
    "volume": (volume, [_sound("sound.nii")]),
    "packed volume": (packed_volume, [_sound("sound.nii.gz")]),
}
"""By name: what is called, and sound inputs to start from."""
