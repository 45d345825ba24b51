"""How long the check of a large sheet takes: `python tests/benchmarks/sheet.py --rows 50000`."""

import argparse
import gzip
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nibabel as nib
import numpy as np

PROJECT = Path(__file__).parents[2]
LABELS = ("CN", "EMCI", "MCI", "LMCI", "AD")


def write_cohort(folder: Path, rows: int) -> Path:
    """Write a sheet of small volumes, each of its own voxels, two scans a subject."""
    random = np.random.default_rng(0)
    header = nib.Nifti1Image(np.zeros((8, 8, 8), np.float32), np.diag([15, 15, 15, 1])).to_bytes()[:352]
    lines = ["scan,subject,image,label,age,sex,site"]
    for number in range(rows):
        voxels = np.pad(random.uniform(100, 300, (6, 6, 6)).astype(np.float32), 1)
        (folder / f"{number}.nii.gz").write_bytes(gzip.compress(header + voxels.tobytes(order="F"), 1))
        subject = number // 2
        lines.append(f"s{number},p{subject},{number}.nii.gz,{LABELS[subject % 5]},{60 + subject % 30},F,Oslo")
    (folder / "samplesheet.csv").write_text("\n".join(lines))
    return folder / "samplesheet.csv"


def main() -> None:
    """Write a cohort, check it, and print seconds, seconds of computing and the most memory of a process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sheet = write_cohort(folder, arguments.rows)
        start = time.perf_counter()
        subprocess.run(
            [
                *(sys.executable, PROJECT / "bin/check.py", "--input", sheet),
                *("--workers", str(arguments.workers), "--out", folder / "out"),
            ],
            check=True,
        )
        seconds = time.perf_counter() - start
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
    peak = used.ru_maxrss / (1e9 if sys.platform == "darwin" else 1e6)
    computed = used.ru_utime + used.ru_stime
    print(
        f"{arguments.rows} rows, {arguments.workers} workers: {seconds:.1f} s, {computed:.1f} s of computing,", end=" "
    )
    print(f"at most {peak:.2f} GB a process")


if __name__ == "__main__":
    main()
