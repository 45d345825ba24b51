"""A report as the tools make it, and a browser to open it in."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, sync_playwright

from aggregate import aggregate
from calibrate import calibrate
from healthward.imaging.slices import AXES, ScanRecord, cut, fingerprint, save_scan
from healthward.imaging.volumes import Conformed, Geometry
from healthward.maps.origin import origin_of, save_origin
from norm import norm_of
from requirements import need
from score import score

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
SWITCHES = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
"""Root has no sandbox, and a machine without a GPU draws WebGL by its processor."""

SIZE, FIRST, COUNT = 32, 8, 16
AFFINE = np.diag([4.0, 4.0, 4.0, 1.0])
ALONG = np.arange(SIZE) - (SIZE - 1) / 2
BRAIN = np.sqrt(ALONG[:, None, None] ** 2 + ALONG[:, None] ** 2 + ALONG**2) < 12
SCANS = {**{f"cn{number}": "CN" for number in range(7)}, "mci-0.a": "MCI", "mci-0.b": "MCI", "ad0": "AD", "ad1": "AD"}
HOSTILE = "<img src=x onerror='window.hacked=1'>"
"""In the names of regions and in the parameters, the only texts that may hold it."""


def write_scan(folder: Path, scan: str, label: str, seed: int) -> None:
    """Write a scan as map.py and those before it leave it; patients differ from their reconstruction in a block."""
    generator = np.random.default_rng(seed)
    cube = np.where(BRAIN, generator.uniform(0.4, 0.9, BRAIN.shape), 0).astype(np.float32)
    lesion = np.zeros(BRAIN.shape, np.float32)
    lesion[10:15, 10:15, 10:15] = {"CN": 0.0, "MCI": 0.1, "AD": 0.3}[label]
    unguided = np.clip(cube + generator.normal(0, 0.02, cube.shape) * BRAIN, 0, 1).astype(np.float32)
    healthy = np.clip(unguided + generator.normal(0, 0.03, cube.shape) * BRAIN + lesion, 0, 1).astype(np.float32)
    stack = cut(cube, FIRST, COUNT)
    record = ScanRecord(scan, f"p-{scan}", label, "test", SIZE, FIRST, COUNT, 128.0, fingerprint(stack))
    geometry = Geometry(BRAIN.shape, AFFINE, AFFINE, np.eye(4), 0.0, 1.0)
    save_scan(folder / "slices" / scan, Conformed(cube, BRAIN, geometry), stack, None, record)
    nib.save(nib.Nifti1Image(cube, AFFINE), folder / f"{scan}.nii.gz")
    place = folder / "reconstructions" / scan
    place.mkdir(parents=True)
    origin = origin_of(record, "f00d", "CN", "AD", {})
    save_origin(place, origin)
    stacks = {"healthy": cut(healthy, FIRST, COUNT), "unguided": cut(unguided, FIRST, COUNT)}
    np.savez(place / "stack.npz", **stacks)
    maps = {
        "likeness": np.abs(healthy - unguided),
        "anomaly": np.abs(healthy - cube),
        "round_trip": np.abs(unguided - cube),
    }
    (folder / "maps" / scan).mkdir(parents=True)
    save_origin(folder / "maps" / scan, origin)
    np.savez(folder / "maps" / scan / "scores.npz", **maps)
    rows = {"scan": scan, "axis": np.repeat(AXES, COUNT), "index": np.tile(np.arange(FIRST, FIRST + COUNT), 3)}
    rows |= {"round_trip_psnr": 30.0, "round_trip_error": 0.02, "guided_change": 0.03, "inversion_error": 0.0002}
    log_odds = 1e-3 * lesion.max() + generator.normal(0, 1e-4, len(AXES) * COUNT)
    pd.DataFrame({**rows, "unreliable": False, "log_odds": log_odds}).to_csv(place / "reconstruction.csv", index=False)


def run(command: object, *arguments: object) -> None:
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output


def publish(folder: Path, scan: str, results: Path) -> None:
    """Put what the viewer reads where the pipeline puts it."""
    for made in ("scores", "calibrations"):
        shutil.copytree(folder / made / scan / "viewer", results / "viewer" / scan, dirs_exist_ok=True)


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of score.py, calibrate.py and aggregate.py on seven controls and four patients."""
    folder = tmp_path_factory.mktemp("report")
    for seed, (scan, label) in enumerate(SCANS.items()):
        write_scan(folder, scan, label, seed)
    slices, maps = folder / "slices", folder / "maps"
    labels = np.where(BRAIN, np.where(ALONG[:, None, None] < 0, 1, 2), 0).astype(np.uint8)
    nib.save(nib.Nifti1Image(labels, AFFINE), folder / "atlas.nii.gz")
    (folder / "atlas.tsv").write_text(f"index\tname\n1\tleft half\n2\t{HOSTILE}\n")
    controls = [slices / scan for scan, label in SCANS.items() if label == "CN"]
    run(norm_of, *controls, "--maps", maps, "--out", folder / "norm")
    made = ("--reconstructions", folder / "reconstructions", "--maps", maps)
    run(score, *slices.iterdir(), *made, "--metrics", "ssim,psnr", "--device", "cpu", "--out", folder / "scores")
    for scan in SCANS:
        atlas = ("--atlas", folder / "atlas.nii.gz", "--atlas-names", folder / "atlas.tsv")
        to = ("--norm", folder / "norm", "--out", folder / "calibrations" / scan)
        run(calibrate, slices / scan, maps / scan, folder / f"{scan}.nii.gz", *to, *atlas)
        publish(folder, scan, folder / "results")
    (folder / "params.json").write_text(json.dumps({"input": HOSTILE, HOSTILE: 1}))
    given = ("--calibrations", folder / "calibrations", "--parameters", folder / "params.json")
    run(aggregate, *(folder / "scores" / scan for scan in SCANS), *given, "--out", folder / "results")
    return folder / "results"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium or its like; playwright's own download is not needed."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    need("chromium", [] if program else ["chromium"])
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=SWITCHES)
        yield opened
        opened.close()
