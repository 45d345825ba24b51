#!/usr/bin/env python3
"""Simulate a cohort with known atrophy."""

from pathlib import Path

import click

from cli import output_directory, seed_option, tool


@tool
@click.option("--subjects", type=click.IntRange(1), required=True, help="How many, the classes CN to AD in turn.")
@click.option("--size", type=click.IntRange(32, 512), default=128, help="Edge of the volumes in voxels (192 mm).")
@seed_option
@click.option("--out", type=output_directory, required=True, help="Folder to write.")
def simulate_cohort(subjects: int, size: int, seed: int, out: Path) -> None:
    """Simulate T1 volumes of individuals with atrophy of known place and dose, from the MNI152 template.

    Writes for each scan its volume, the mask of the atrophy, and the true counterfactual (the same individual without
    atrophy), and a samplesheet.csv that names them.

    \b
    Example:
      simulate.py --subjects 25 --size 64 --seed 1 --out cohort
    """
    import nibabel as nib
    import numpy as np
    import pandas as pd
    from tqdm import tqdm

    from healthward.simulation import simulate

    out.mkdir(parents=True, exist_ok=True)
    rows = []
    for person in tqdm(simulate(subjects, size, seed), total=subjects, desc="simulating", unit="scan", disable=None):
        files = {
            f"{person.scan}.nii.gz": person.image,
            f"{person.scan}_mask.nii.gz": person.mask.astype(np.uint8),
            f"{person.scan}_counterfactual.nii.gz": person.counterfactual,
        }
        for name, voxels in files.items():
            nib.save(nib.Nifti1Image(voxels, person.affine), out / name)
        rows.append(
            {
                "scan": person.scan,
                "subject": person.subject,
                "image": f"{person.scan}.nii.gz",
                "label": person.label,
                "mask": f"{person.scan}_mask.nii.gz",
                "age": person.age,
                "sex": person.sex,
            }
        )
    pd.DataFrame(rows).to_csv(out / "samplesheet.csv", index=False)


if __name__ == "__main__":
    simulate_cohort()
