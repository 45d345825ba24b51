#!/usr/bin/env python3
"""Check scans, parameters and model before anything is computed."""

import os
from pathlib import Path

import click

from cli import existing_file, existing_path, output_directory, tool
from healthward.labels import Classes
from options.classes import ClassList

SCHEMA = Path(__file__).parent.parent / "nextflow_schema.json"
OWN = "that of --parameters, or of --schema"
fraction = click.FloatRange(0, 1, max_open=True)


@tool
@click.option(
    "--input", "sheet_path", type=existing_path, help="samplesheet.csv, dataset.json, or the folder of a BIDS dataset."
)
@click.option(
    "--scan",
    metavar="PATH",
    help='One scan for a model: its volume, or \'{"image": "ad0.nii.gz", "label": 5}\' with more that is known of it.',
)
@click.option(
    "--base",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder that relative paths of the scans start from.  [default: the sheet's, or for --scan the current one]",
)
@click.option("--parameters", "parameters_path", type=existing_file, help="JSON file of a run's parameters.")
@click.option(
    "--schema",
    "schema_path",
    type=existing_file,
    default=SCHEMA,
    show_default="the project's",
    help="nextflow_schema.json, with every parameter's range and default.",
)
@click.option(
    "--model", type=click.Path(path_type=Path), help="Model to use: a folder, or a .pt file with --embedding."
)
@click.option("--embedding", type=click.Path(path_type=Path), help="Class embedding of a .pt model.")
@click.option("--weights", type=click.Path(path_type=Path), help="Folder with the weights behind LPIPS and FID.")
@click.option("--atlas", type=click.Path(path_type=Path), help="NIfTI of region labels.")
@click.option("--atlas-names", type=click.Path(path_type=Path), help="Its table of names.")
@click.option("--validation-fraction", type=fraction, show_default=OWN, help="Share of the subjects to validate on.")
@click.option("--test-fraction", type=fraction, show_default=OWN, help="Share of the subjects to test on.")
@click.option("--seed", type=click.IntRange(0), show_default=OWN, help="Seed of the split.")
@click.option(
    "--skip-bad-scans/--stop-at-bad-scans",
    default=None,
    show_default=OWN,
    help="Leave out scans whose image or mask is bad or which have no label, and say so, or stop.",
)
@click.option(
    "--classes",
    type=ClassList(),
    show_default="the model's, or " + OWN,
    help="All classes with commas between them, from the healthy to the most severe one.",
)
@click.option(
    "--label-codes",
    metavar="CODES",
    show_default=OWN,
    help="What values of the label stand for, as 1=CN,2=MCI,3=AD.",
)
@click.option(
    "--t1w-filter",
    metavar="ENTITIES",
    show_default=OWN,
    help="Which T1w image of a visit to take where a BIDS dataset has several, as rec-norm or acq-mprage,run-1.",
)
@click.option("--workers", type=click.IntRange(1), default=os.cpu_count() or 1, help="Scans opened at a time.")
@click.option("--out", type=output_directory, required=True, help="Folder for what the run starts from.")
@click.option(
    "--problems",
    "problems_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the problems to this file, one a line (none: an empty file), and end with status 0.",
)
def main(
    sheet_path: Path | None,
    scan: str | None,
    base: Path | None,
    parameters_path: Path | None,
    schema_path: Path,
    model: Path | None,
    embedding: Path | None,
    weights: Path | None,
    atlas: Path | None,
    atlas_names: Path | None,
    validation_fraction: float | None,
    test_fraction: float | None,
    seed: int | None,
    skip_bad_scans: bool | None,
    classes: Classes | None,
    label_codes: str | None,
    t1w_filter: str | None,
    workers: int,
    out: Path,
    problems_path: Path | None,
) -> None:
    """Check scans, parameters and model before anything is computed, and divide the subjects.

    Opens every volume and reports all problems at once, one line each. When there are none, writes to --out the
    normalised samplesheet.csv, split.csv, inputs.csv (digests of the voxels), versions.json and conform.json; also
    skipped.csv where scans are left out, and pseudonyms.csv where the parameters ask for pseudonyms.

    \b
    Example:
      check.py --input samplesheet.csv --out checked
    The T1w images of a BIDS dataset, with labels from its participants.tsv:
      check.py --input my_dataset --out checked

    Scans for a given --model (and --scan) are test scans, but for those that the model learned from, which are train
    again. A model that does not tell these (a pair of .pt files) leaves the sheet's own split as it is. Without a model
    the sheet is for training, and subjects are divided when it has no split column.
    """
    import logging

    from healthward.checks.check import check
    from healthward.errors import InputError

    if sheet_path and scan:
        raise click.UsageError("--input and --scan exclude each other.")
    if embedding and not (model or parameters_path):
        raise click.UsageError("--embedding belongs to a .pt file given by --model.")
    if (validation_fraction or 0) + (test_fraction or 0) >= 1:
        raise click.UsageError("--validation-fraction and --test-fraction leave nothing to train on.")
    if (atlas is None) != (atlas_names is None) and not parameters_path:
        raise click.UsageError("--atlas and --atlas-names belong together; give both.")
    if not (sheet_path or scan or parameters_path or model):
        raise click.UsageError("Nothing to check: give --input, --scan, --parameters or --model.")
    own = {
        "validation_fraction": validation_fraction,
        "test_fraction": test_fraction,
        "seed": seed,
        "skip_bad_scans": skip_bad_scans,
        "classes": ",".join(classes) if classes else None,
        "label_codes": label_codes,
        "t1w_filter": t1w_filter,
    }
    checked = check(
        sheet_path=sheet_path,
        scan=scan,
        base=base,
        parameters_path=parameters_path,
        schema_path=schema_path,
        model=model,
        embedding=embedding,
        weights=weights,
        atlas=atlas,
        atlas_names=atlas_names,
        overrides={name: value for name, value in own.items() if value is not None},
        workers=workers,
    )
    if problems_path:
        problems_path.write_text("".join(f"{line}\n" for line in checked.problems), encoding="utf-8")
    elif checked.problems:
        raise InputError("\n".join(checked.problems))
    if not checked.problems:
        for line in checked.warnings:
            logging.getLogger(__name__).warning(line)
        checked.write(out)


if __name__ == "__main__":
    main()
