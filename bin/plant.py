#!/usr/bin/env python3
"""Plant disease of known place and dose in a healthy scan."""

from pathlib import Path

import click

from cli import existing_directory, existing_file, existing_path, output_directory, tool
from options.scan import parse_id
from options.seed import seed_option


@tool
@click.argument("image", type=existing_path)
@click.option("--scan", required=True, callback=parse_id, help="Name of the scan that comes of it.")
@click.option("--prepared", type=existing_directory, required=True, help="Folder that prepare.py made of IMAGE.")
@click.option("--labels", type=existing_file, help="Regions on the scan's own grid.  [default: those that come along]")
@click.option("--names", type=existing_file, help="Their table of names: columns index and name.")
@click.option(
    "--pattern",
    help="typical, limbic, sparing, frontotemporal, posterior, one-sided or random: which regions it takes.",
)
@click.option(
    "--dose",
    type=click.FloatRange(0, 3, min_open=True),
    default=1.0,
    show_default=True,
    help="How much of the pattern.",
)
@click.option(
    "--change", "changes", metavar="REGION=SHARE", multiple=True, help="Instead: a region's name or label, and -0.2."
)
@click.option("--spots", type=click.IntRange(0, 500), default=0, help="Spots in white matter.")
@click.option("--holes", type=click.IntRange(0, 50), default=0, help="Holes in white matter, as infarcts leave.")
@seed_option
@click.option("--out", type=output_directory, required=True, help="Folder to write.")
def plant_disease(
    image: Path,
    scan: str,
    prepared: Path,
    labels: Path | None,
    names: Path | None,
    pattern: str | None,
    dose: float,
    changes: tuple[str, ...],
    spots: int,
    holes: int,
    seed: int,
    out: Path,
) -> None:
    """Plant disease in IMAGE, a healthy scan, which as it is remains the true counterfactual.

    Regions shrink or grow by a smooth invertible deformation of the person's own anatomy, and fluid takes the room;
    what lies 18 mm away does not move. OUT gets <scan>.nii.gz, on the grid and in the type of IMAGE,
    <scan>_mask.nii.gz (where disease changed it), and <scan>_truth.json: the change of each region as asked for and as
    achieved, the Jacobians, volumes of spots and holes, dose and seed.

    \b
    Example:
      plant.py head.nii.gz --scan ad0 --prepared prepared/head --pattern typical --dose 0.8 --out planted
      plant.py head.nii.gz --scan ad1 --prepared prepared/head --change "left hippocampus=-0.2" --out planted
    """
    import json
    import logging

    import numpy as np

    from healthward.checks.inspection import load_scan_volume
    from healthward.errors import InputError
    from healthward.imaging.prepared_files import load_prepared
    from healthward.imaging.volumes import save_like
    from healthward.planting.patterns import drawn
    from healthward.planting.planted import plant, read_changes, regions_of
    from healthward.wording import shown

    if (labels is None) != (names is None):
        raise click.UsageError("--labels and --names belong together; give both.")
    if pattern and changes:
        raise click.UsageError("--pattern and --change exclude each other.")
    if not (pattern or changes or spots or holes):
        raise click.UsageError("Nothing to plant: give --pattern, --change, --spots or --holes.")
    volume, voxels, _ = load_scan_volume(image, fov=None)
    ready = load_prepared(prepared, str(image), voxels)
    regions, named, doubts = regions_of(volume, ready, labels, names)
    for text in doubts:
        logging.getLogger(__name__).warning(text)
    rng = np.random.default_rng(seed)
    try:
        wanted = drawn(pattern, dose, named, rng) if pattern else read_changes(changes, named)
        planted = plant(voxels, volume.affine, ready, regions, wanted, spots, holes, rng)
    except (InputError, ValueError) as error:
        raise InputError(f"{shown(str(image))}: {error}") from error
    out.mkdir(parents=True, exist_ok=True)
    save_like(out / f"{scan}.nii.gz", planted.voxels, image, as_stored=True)
    save_like(out / f"{scan}_mask.nii.gz", planted.mask.astype(np.uint8), image)
    truth = {
        "scan": scan,
        "pattern": pattern,
        "dose": dose if pattern else None,
        "seed": seed,
        "regions": {
            named[label]: {"label": label, "wanted": change, "achieved": planted.achieved[label]}
            for label, change in wanted.items()
        },
        "jacobian": planted.jacobian,
        "spots_ml": planted.spots_ml,
        "holes_ml": planted.holes_ml,
        "mask_ml": float(planted.mask.sum() * abs(np.linalg.det(volume.affine[:3, :3])) / 1000),
    }
    (out / f"{scan}_truth.json").write_text(json.dumps(truth, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    plant_disease()
