#!/usr/bin/env python3
"""Compare one scan with held-out controls."""

from pathlib import Path

import click

from cli import existing_directory, existing_file, existing_path, output_directory, tool
from options.scores import score_option


@tool
@click.argument("slices", type=existing_directory)
@click.argument("maps", type=existing_directory)
@click.argument("image", type=existing_path)
@click.option("--norm", type=existing_directory, required=True, help="Folder of norm.py.")
@score_option
@click.option("--atlas", type=existing_file, help="NIfTI of region labels in the space of the scan.")
@click.option("--atlas-names", type=existing_file, help="Its table of names: columns index and name.")
@click.option("--out", type=output_directory, required=True, help="Folder to write.")
def calibrate(
    slices: Path,
    maps: Path,
    image: Path,
    norm: Path,
    score: str,
    atlas: Path | None,
    atlas_names: Path | None,
    out: Path,
) -> None:
    """Compare a scan's scores, voxel by voxel, with what held-out healthy scans show at the same place.

    SLICES and MAPS are the folders that slice.py and map.py made of IMAGE. A control is compared with the other
    controls. OUT gets three NIfTI maps on IMAGE's own grid: z scores, -log10 p, and the abnormal voxels at a
    false discovery rate of 5 %; calibration.csv (one row), regions.csv, origin.json (what all that was made of), and
    viewer/ (volumes for the report's viewer).
    Regions are those of the atlas or, without one, of the MNI152 template where the scan lies in its space.

    \b
    Example:
      calibrate.py slices/ad0 maps/ad0 ad0.nii.gz --norm norm --out calibration/ad0
    """
    if (atlas is None) != (atlas_names is None):
        raise click.UsageError("--atlas and --atlas-names belong together; give both.")
    import logging
    from dataclasses import replace

    from healthward.imaging.regions import (
        atlas_on,
        check_place,
        doubted_names,
        find_atlas,
        opposite_regions,
        region_table,
    )
    from healthward.imaging.slices import load_scan
    from healthward.imaging.volumes import open_image_of, save_like
    from healthward.maps.origin import read_origin, renew, save_origin
    from healthward.maps.scores import FILE, read_scores
    from healthward.maps.viewer import write_volumes
    from healthward.norms.abnormality import abnormal, calibrated_maps, calibration_row
    from healthward.norms.calibration import prepare, read_norm
    from healthward.norms.control_scans import ROUND_TRIP, check_calibrated, read_record
    from healthward.wording import shown

    scan = load_scan(slices)
    open_image_of(image, scan.geometry)
    name = scan.record.scan
    origin, record = read_origin(maps, scan.record), read_record(norm)
    check_calibrated(norm, record, score, maps, origin)
    cubes = read_scores(maps / FILE, [score, ROUND_TRIP])
    own = record.own(scan.record)
    departures = {kind: read_norm(norm / kind).compare(prepare(cube, scan), own) for kind, cube in cubes.items()}
    departure = departures[score]
    regions = find_atlas(scan, atlas, atlas_names)
    if atlas is not None and regions is not None:
        place = f"{shown(str(atlas))} on the brain of {name}"
        if doubt := check_place(regions, scan.brain, scan.geometry.cube_affine, place):
            logging.getLogger(__name__).warning(doubt)
        if doubt := doubted_names(regions):
            logging.getLogger(__name__).warning(f"{atlas_names}: {doubt}")

    renew(out, name)
    for kind, volume in vars(calibrated_maps(scan, departure)).items():
        save_like(out / f"{name}_{kind}.nii.gz", volume, image)
    volumes = {"zscore": departure.z, "abnormal": abnormal(departure)}
    write_volumes(out / "viewer", name, volumes, scan.geometry.cube_affine)
    row = calibration_row(scan, departure, departures[ROUND_TRIP])
    row.to_csv(out / "calibration.csv", index=False, float_format="%.6g")
    (out / "regions.csv").unlink(missing_ok=True)
    if regions is not None:
        labels = atlas_on(regions, scan.cube.shape, scan.geometry.cube_affine)
        opposites, voxel_ml = opposite_regions(regions), scan.record.spacing**3 / 1000
        table = region_table(departure.z, labels, regions.names, opposites, abnormal(departure), voxel_ml)
        table.insert(0, "scan", name)
        table.to_csv(out / "regions.csv", index=False, float_format="%.6g")
    beside = {"score": score, "norm": record.digest()}
    if atlas is not None and regions is not None:
        beside["atlas"] = regions.digest()
    save_origin(out, replace(origin, method=origin.method | beside))


if __name__ == "__main__":
    calibrate()
