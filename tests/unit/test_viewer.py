"""Volumes for the report's viewer."""

import base64
import gzip
import json
import re
from pathlib import Path

import nibabel as nib
import numpy as np

from healthward.imaging.slices import ScanRecord, ScanSlices, cut
from healthward.imaging.volumes import Geometry
from healthward.maps.viewer import scan_volumes, write_volumes

AFFINE = np.array([[2.0, 0, 0, -30], [0, 2, 0, -20], [0, 0, 2, -10], [0, 0, 0, 1]])


def read(path: Path) -> tuple[list[str], nib.Nifti1Image]:
    """Return the id and name that a script calls with, and its volume."""
    said = json.loads(f"[{re.fullmatch(r'healthwardVolume[(](.*)[)];', path.read_text().strip())[1]}]")
    return said[:2], nib.Nifti1Image.from_bytes(gzip.decompress(base64.b64decode(said[2])))


def test_volume_comes_back_with_scale_and_affine(tmp_path: Path) -> None:
    voxels = np.random.default_rng(0).gamma(2, size=(6, 7, 8)).astype(np.float32)
    write_volumes(tmp_path, "a.b-1", {"zscore": voxels}, AFFINE)
    said, image = read(tmp_path / "zscore.js")
    assert said == ["a.b-1", "zscore"]
    assert image.get_data_dtype() == np.uint8
    np.testing.assert_array_equal(image.affine, AFFINE)
    np.testing.assert_allclose(image.get_fdata(), voxels, atol=voxels.max() / 255 / 1.99)


def test_unknown_and_negative_are_zero_and_an_empty_volume_is_one(tmp_path: Path) -> None:
    voxels = np.array([[[np.nan, -3.0, 2.0]]])
    write_volumes(tmp_path, "s", {"map": voxels, "none": np.zeros((2, 2, 2), bool)}, AFFINE)
    np.testing.assert_allclose(read(tmp_path / "map.js")[1].get_fdata(), [[[0, 0, 2]]], rtol=1e-6)
    assert not read(tmp_path / "none.js")[1].get_fdata().any()


def test_same_bytes_twice(tmp_path: Path) -> None:
    voxels = np.random.default_rng(0).random((5, 5, 5))
    for name in ("a", "b"):
        write_volumes(tmp_path / name, "s", {"scan": voxels}, AFFINE)
    assert (tmp_path / "a/scan.js").read_bytes() == (tmp_path / "b/scan.js").read_bytes()


def test_pseudohealthy_is_the_scan_where_no_slice_lies() -> None:
    size, first, count = 8, 3, 2
    cube = np.random.default_rng(0).random((size,) * 3, dtype=np.float32)
    record = ScanRecord("s", "s", "CN", "test", size, first, count, 16.0, "")
    geometry = Geometry((size,) * 3, AFFINE, AFFINE, np.eye(4), 0, 1)
    scan = ScanSlices(record, geometry, cut(cube, first, count), cube, cube > 0, None)
    scores = {"likeness": cube, "round_trip": cube}
    volumes = scan_volumes(scan, np.ones((3, count, size, size), np.float32), scores)
    assert list(volumes) == ["scan", "pseudohealthy", "likeness"]
    seen = np.zeros(cube.shape, bool)
    for axis in range(3):
        np.moveaxis(seen, axis, 0)[first : first + count] = True
    np.testing.assert_array_equal(volumes["pseudohealthy"], np.where(seen, 1, cube))
