#!/usr/bin/env python3
"""How well heads with labels are prepared: make bench-preparation HEADS=folder.

The folder has t1/ID_T1.nii.gz, labels/ID_labels.nii.gz on the same grid, and the codes of DLMUSE in the labels.
"""

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import nibabel as nib
import numpy as np
import pandas as pd

sys.path[:0] = [str(Path(__file__).parents[2] / "bin")]

import torch  # noqa: E402

from healthward.imaging.mni_cube import mni_cube  # noqa: E402
from healthward.imaging.slices import slice_bounds  # noqa: E402
from healthward.preparation.gate import judge  # noqa: E402
from healthward.preparation.preparing import Steps, prepare  # noqa: E402
from healthward.preparation.quality import measure  # noqa: E402

HIPPOCAMPI = (47, 48)
MEDIAL_TEMPORAL = {"right": (31, 47, 116, 170), "left": (32, 48, 117, 171)}
SIZE, FOV, SLICES = 128, 192.0, (0.35, 0.75)


@click.command()
@click.argument("heads", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="JSON of the table that is printed.")
@click.option("--every", default=1, help="Take each so many heads only.")
def main(heads: Path, out: Path | None, every: int) -> None:
    """Prepare all HEADS on one thread, and say how well."""
    torch.set_num_threads(1)
    rows = []
    for path in sorted((heads / "t1").iterdir())[::every]:
        rows.append(_prepared(path, heads))
        click.echo(json.dumps(rows[-1]))
    table = pd.DataFrame(rows)
    found: dict[str, Any] = {"heads": len(table), "verdicts": table["verdict"].value_counts().to_dict()}
    for name in ("inside", "mask_ratio", "overlap", "information", "rotation", "scale_x", "scale_y", "scale_z", "noise",
                 "ghosts", "bias", "cpu_s"):  # fmt: skip
        found[name] = table[name].quantile([0, 0.5, 1]).round(4).tolist()
    for side in ("right", "left"):
        centres = np.array(table[f"hippocampus_{side}"].tolist())
        found[f"hippocampus_{side}"] = {
            "mean": centres.mean(0).round(2).tolist(),
            "sd": centres.std(0).round(2).tolist(),
        }
        found[f"medial_temporal_{side}"] = round(float(table[f"medial_temporal_{side}"].mean()), 4)
    found["sides_apart"] = int((table["sides_apart"]).sum())
    click.echo(json.dumps(found, indent=2))
    if out:
        out.write_text(json.dumps(found, indent=2) + "\n")


def _prepared(path: Path, heads: Path) -> dict[str, Any]:
    image = nib.load(path)
    voxels, affine = image.get_fdata(dtype=np.float32), image.affine
    name = path.name.removesuffix("_T1.nii.gz")
    labels = np.asarray(nib.load(heads / "labels" / f"{name}_labels.nii.gz").dataobj).astype(int)
    start = time.process_time()
    preparation = prepare(voxels, affine, Steps())
    seconds = time.process_time() - start
    quality = measure(voxels, affine, preparation)
    brain, matrix = preparation.prepared.brain, preparation.prepared.matrix
    to_mni = np.linalg.inv(matrix) @ affine

    def places(codes: tuple[int, ...]) -> np.ndarray:
        return np.argwhere(np.isin(labels, codes)) @ to_mni[:3, :3].T + to_mni[:3, 3]

    # Both together, parted by the midline: in some heads the labels take one for the other
    hippocampi = places(HIPPOCAMPI)
    sides = {"right": hippocampi[hippocampi[:, 0] > 0], "left": hippocampi[hippocampi[:, 0] <= 0]}
    return {
        "scan": name,
        "verdict": judge(quality).verdict,
        "reasons": judge(quality).reasons,
        **asdict(quality),
        "cpu_s": round(seconds, 2),
        "inside": float((brain & (labels > 0)).sum() / (labels > 0).sum()),
        "mask_ratio": float(brain.sum() / (labels > 0).sum()),
        "sides_apart": bool(places((47, 31, 59))[:, 0].mean() > 0 > places((48, 32, 60))[:, 0].mean()),
        **{f"hippocampus_{side}": where.mean(axis=0).tolist() for side, where in sides.items()},
        **{f"medial_temporal_{side}": _covered(places(codes)) for side, codes in MEDIAL_TEMPORAL.items()},
    }


def _covered(places: np.ndarray) -> float:
    """Return the share of MNI places that slices pass through, on average over the three axes."""
    first, count = slice_bounds(SIZE, *SLICES)
    cube = mni_cube(SIZE, FOV)
    index = np.rint((places - cube[:3, 3]) / np.diag(cube)[:3])
    return float(((index >= first) & (index < first + count)).mean())


if __name__ == "__main__":
    main()
