#!/usr/bin/env python3
"""Simulate a cohort with known disease."""

from pathlib import Path

import click

from cli import output_directory, tool
from healthward.labels import Classes
from options.classes import classes_option
from options.seed import seed_option


@tool
@click.option("--subjects", type=click.IntRange(1), required=True, help="How many, the classes in turn.")
@classes_option
@click.option("--size", type=click.IntRange(32, 512), default=128, help="Edge of the volumes in voxels (192 mm).")
@seed_option
@click.option(
    "--kind",
    type=click.Choice(["atrophy", "ventricles", "medial temporal", "cortex", "lesion"]),
    default="atrophy",
    help="Disease: atrophy of all three places or of one alone, or a focal lesion.",
)
@click.option("--out", type=output_directory, required=True, help="Folder to write.")
def simulate_cohort(subjects: int, classes: Classes, size: int, seed: int, kind: str, out: Path) -> None:
    """Simulate T1 volumes of individuals with disease of known place and dose, from the MNI152 template.

    Writes for each scan its volume, the mask of the disease, and the true counterfactual (the same individual without
    disease); a samplesheet.csv that names the scans; and a truth.csv with dose, kind and counterfactual of each.

    The label tells the dose: none in the first class, 1 on average in the last. So it does for lesions, which no
    training on atrophy has seen: those of the last class are the darkest. The same seed gives the same individuals with
    any kind of disease.

    \b
    Example:
      simulate.py --subjects 25 --size 64 --seed 1 --out cohort
      simulate.py --subjects 25 --size 64 --seed 1 --kind lesion --out lesions
    """
    import nibabel as nib
    import numpy as np
    import pandas as pd
    from tqdm import tqdm

    from healthward.planting.simulation import simulate

    out.mkdir(parents=True, exist_ok=True)
    rows, truth = [], []
    people = simulate(subjects, size, seed, kind, classes)
    for person in tqdm(people, total=subjects, desc="simulating", unit="scan", disable=None):
        counterfactual = f"{person.scan}_counterfactual.nii.gz"
        files = {
            f"{person.scan}.nii.gz": person.image,
            f"{person.scan}_mask.nii.gz": person.mask.astype(np.uint8),
            counterfactual: person.counterfactual,
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
        truth.append({"scan": person.scan, "dose": person.dose, "kind": kind, "counterfactual": counterfactual})
    pd.DataFrame(rows).to_csv(out / "samplesheet.csv", index=False)
    pd.DataFrame(truth).to_csv(out / "truth.csv", index=False)


if __name__ == "__main__":
    simulate_cohort()
