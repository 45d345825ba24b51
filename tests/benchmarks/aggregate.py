"""How long summing up a cohort takes, in what memory, and how large its report is.

    python tests/benchmarks/aggregate.py [--scans 1000] [--slices 52] [--size 128] [--calibrated] [--work FOLDER]

On two processors that did much else besides, 1000 calibrated scans took 45 s of processor time and 530 MiB, and their
report had 22 MiB.

The score folders are made up, in the form in which score.py and calibrate.py leave them; what they hold is noise about
a plausible curve that falls with the class.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

PROJECT = Path(__file__).parents[2]
sys.path[:0] = [str(PROJECT / "bin")]

from healthward.imaging.slices import AXES  # noqa: E402
from healthward.labels import ADNI  # noqa: E402

REGIONS = ("lateral ventricle", "medial temporal", "temporal cortex", "parietal cortex", "grey matter", "white matter")
KEPT = 12
"""Slices of lowest SSIM that score.py keeps by default."""


def write_score_folders(
    folder: Path, scans: int, slices: int = 52, size: int = 128, calibrated: bool = False, seed: int = 0
) -> list[Path]:
    """Write the folders of scores of a made-up cohort, classes in turn, half of it held out.

    Args:
        folder: gets scores/<scan> and, of a calibrated cohort, calibrations/<scan>.
        scans: how many, one a subject.
        slices: of each axis.
        size: edge in pixels of the slices that are kept.
        calibrated: whether calibrate.py is to have run, too.
        seed: of the noise.

    Returns:
        The folders under scores/.
    """
    generator = np.random.default_rng(seed)
    pictures = generator.random((2, KEPT, size, size), dtype=np.float32)
    places = []
    for number in range(scans):
        severity = number % len(ADNI)
        identity = {
            "scan": f"scan{number:04d}",
            "subject": f"subject{number:04d}",
            "label": ADNI[severity],
            "split": "test" if number % 10 < len(ADNI) else "train",
        }
        table = _slices(generator, identity, severity, slices, size)
        place = folder / "scores" / identity["scan"]
        place.mkdir(parents=True)
        table.to_csv(place / "slices.csv", index=False, float_format="%.6g")
        _scan(generator, identity, severity, table).to_csv(place / "scan.csv", index=False, float_format="%.6g")
        lowest = table["ssim"].to_numpy().argsort(kind="stable")[:KEPT]
        np.savez(
            place / "lowest.npz",
            input=pictures[0, : len(lowest)],
            healthy=pictures[1, : len(lowest)],
            axis=table["axis"].to_numpy(dtype=str)[lowest],
            index=table["index"].to_numpy()[lowest],
            ssim=table["ssim"].to_numpy()[lowest],
        )
        if calibrated:
            _calibrate(generator, folder / "calibrations" / identity["scan"], identity["scan"], severity)
        places.append(place)
    return places


def _slices(generator: np.random.Generator, identity: dict, severity: int, slices: int, size: int) -> pd.DataFrame:
    count = len(AXES) * slices
    place = np.tile(np.linspace(-1, 1, slices), len(AXES))
    ssim = 0.85 - 0.02 * severity - 0.08 * place**2 + generator.normal(0, 0.02, count)
    error, change = generator.uniform(0.005, 0.02, count), generator.uniform(0.01, 0.03, count)
    first = round(0.35 * size)
    columns = {
        "axis": np.repeat(AXES, slices),
        "index": np.tile(np.arange(first, first + slices), len(AXES)),
        "ssim": ssim,
        "ms_ssim": ssim + 0.1,
        "psnr": 15 + 15 * ssim,
        "lpips": 0.5 - 0.5 * ssim,
        "vsi": 0.9 + 0.1 * ssim,
        **{f"{name}_brain": ssim - 0.1 for name in ("ssim", "ms_ssim", "psnr", "lpips", "vsi")},
        "brain_fraction": 0.4 - 0.2 * place**2,
        "round_trip_psnr": generator.normal(35, 1, count),
        "round_trip_error": error,
        "guided_change": change,
        "inversion_error": 2e-4,
        "unreliable": error > change,
        "log_odds": generator.normal(1e-4 * severity, 2e-4, count),
    }
    return pd.DataFrame({**identity, **columns})


def _scan(generator: np.random.Generator, identity: dict, severity: int, table: pd.DataFrame) -> pd.DataFrame:
    names = [name for name in table if name.removesuffix("_brain") in ("ssim", "ms_ssim", "psnr", "lpips", "vsi")]
    row = identity | table[[*names, "round_trip_psnr", "log_odds"]].mean().to_dict()
    row["unreliable_fraction"] = table["unreliable"].mean()
    for name in ("round_trip", "anomaly", "contrast", "class_contrast", "likeness", "residual"):
        row[f"{name}_mean"] = generator.gamma(4, 0.005) + 0.002 * severity
        row[f"{name}_p99"] = 4 * row[f"{name}_mean"]
        row |= {f"{name}_auprc": np.nan, f"{name}_auroc": np.nan}
    return pd.DataFrame([row | {"prevalence": np.nan}])


def _calibrate(generator: np.random.Generator, folder: Path, scan: str, severity: int) -> None:
    folder.mkdir(parents=True)
    shift = 0.15 * severity
    row = {"scan": scan, "z_mean": generator.normal(shift, 0.2), "z_p99": generator.normal(2.6 + shift, 0.3)}
    row |= {
        "beyond_1": 0.01 * (1 + severity),
        "beyond_5": 0.05 * (1 + severity),
        "abnormal_ml": generator.gamma(2) * shift,
    }
    row |= {"round_trip_z_p99": 2.6, "z_auprc": np.nan, "z_auroc": np.nan, "dice_1": np.nan, "dice_5": np.nan}
    pd.DataFrame([row]).to_csv(folder / "calibration.csv", index=False, float_format="%.6g")
    names = [f"{side} {region}" for region in REGIONS for side in ("left", "right")]
    z = generator.normal(shift, 0.5, len(names))
    columns = {"region": names, "voxels_ml": 20.0, "mean_z": z, "beyond_ml": 0.1 * severity, "asymmetry": 0.0}
    pd.DataFrame({"scan": scan, **columns}).to_csv(folder / "regions.csv", index=False, float_format="%.6g")


def main() -> None:
    """Write the cohort, sum it up, and print what that took as a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scans", type=int, default=1000)
    parser.add_argument("--slices", type=int, default=52, help="of each axis")
    parser.add_argument("--size", type=int, default=128, help="edge of a slice in pixels")
    parser.add_argument("--calibrated", action="store_true", help="with calibrations")
    parser.add_argument("--work", type=Path, help="keep the cohort and its report here; an existing cohort is used")
    parser.add_argument("--profile", type=Path, help="write what cProfile finds to this file")
    settings = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = settings.work or Path(temporary)
        if not (work / "scores").exists():
            write_score_folders(work, settings.scans, settings.slices, settings.size, settings.calibrated)
        command = [sys.executable, *(["-m", "cProfile", "-o", str(settings.profile)] if settings.profile else [])]
        command += [str(PROJECT / "bin/aggregate.py"), *map(str, sorted((work / "scores").iterdir()))]
        if (work / "calibrations").exists():
            command += ["--calibrations", str(work / "calibrations")]
        began = time.monotonic()
        if subprocess.run([*command, "--out", str(work / "out")], check=False, stdout=subprocess.DEVNULL).returncode:
            sys.exit("aggregate.py failed")
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        measured = {
            "scans": len(list((work / "scores").iterdir())),
            "wall_s": round(time.monotonic() - began, 1),
            "cpu_s": round(usage.ru_utime + usage.ru_stime, 1),
            "peak_mib": round(usage.ru_maxrss / 1024),
            "report_mib": round((work / "out/report.html").stat().st_size / 2**20, 1),
        }
        print(json.dumps(measured))


if __name__ == "__main__":
    main()
