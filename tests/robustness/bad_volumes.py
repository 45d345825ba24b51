"""Files that are no volume that the pipeline could use, each made by a function of the folder that returns its path."""

import gzip
import os
import stat
from pathlib import Path

import nibabel
import numpy as np

from phantoms import small_brain

VOXELS = small_brain((12, 13, 14), seed=0)
AFFINE = np.diag([-12.0, 14.0, 10.0, 1.0])


def save(path: Path, voxels: np.ndarray = VOXELS, affine: np.ndarray | None = AFFINE) -> Path:
    nibabel.Nifti1Image(voxels, affine).to_filename(path)
    return path


def missing(folder: Path) -> Path:
    return folder / "missing.nii"


def directory(folder: Path) -> Path:
    (folder / "folder.nii").mkdir()
    return folder / "folder.nii"


def empty_file(folder: Path) -> Path:
    (folder / "empty.nii").touch()
    return folder / "empty.nii"


def symlink_loop(folder: Path) -> Path:
    (folder / "one.nii").symlink_to(folder / "other.nii")
    (folder / "other.nii").symlink_to(folder / "one.nii")
    return folder / "one.nii"


def dangling_link(folder: Path) -> Path:
    (folder / "link.nii").symlink_to(folder / "gone.nii")
    return folder / "link.nii"


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.nii")
    return folder / "pipe.nii"


def name_too_long(folder: Path) -> Path:
    return folder / f"{'n' * 300}.nii"


def unreadable(folder: Path) -> Path:
    path = save(folder / "unreadable.nii")
    path.chmod(0)
    assert stat.S_IMODE(path.stat().st_mode) == 0
    return path


def other_suffix(folder: Path) -> Path:
    (folder / "a.dcm").write_bytes(b"x")
    return folder / "a.dcm"


def text_file(folder: Path) -> Path:
    (folder / "text.nii.gz").write_text("not a volume" * 100)
    return folder / "text.nii.gz"


def plain_named_gz(folder: Path) -> Path:
    return save(folder / "plain.nii").rename(folder / "plain.nii.gz")


def gz_named_plain(folder: Path) -> Path:
    return save(folder / "packed.nii.gz").rename(folder / "packed.nii")


def wrong_magic(folder: Path) -> Path:
    path = save(folder / "magic.nii")
    content = bytearray(path.read_bytes())
    content[344:348] = b"xyz\0"
    content[0:4] = (1234).to_bytes(4, "little")
    path.write_bytes(content)
    return path


def header_only(folder: Path) -> Path:
    path = save(folder / "header.nii")
    path.write_bytes(path.read_bytes()[:348])
    return path


def truncated(folder: Path) -> Path:
    path = save(folder / "truncated.nii.gz")
    path.write_bytes(path.read_bytes()[:3000])
    return path


def truncated_plain(folder: Path) -> Path:
    path = save(folder / "truncated.nii")
    path.write_bytes(path.read_bytes()[:3000])
    return path


def damaged_checksum(folder: Path) -> Path:
    path = save(folder / "damaged.nii.gz")
    content = bytearray(path.read_bytes())
    content[2000:2100] = bytes(100)
    path.write_bytes(content)
    return path


def colours(folder: Path) -> Path:
    voxels = np.zeros((12, 12, 12), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    return save(folder / "rgb.nii", voxels)


def complex_values(folder: Path) -> Path:
    return save(folder / "complex.nii", VOXELS.astype(np.complex64))


def two_volumes(folder: Path) -> Path:
    return save(folder / "two.nii", np.stack([VOXELS, VOXELS], axis=3))


def five_dimensions(folder: Path) -> Path:
    return save(folder / "five.nii", VOXELS[..., None, None] * np.ones(3, np.float32))


def one_slice(folder: Path) -> Path:
    return save(folder / "slice.nii", VOXELS[:, :, :1])


def flat(folder: Path) -> Path:
    return save(folder / "flat.nii", VOXELS[:, :, 0])


def nan_voxel(folder: Path) -> Path:
    voxels = VOXELS.copy()
    voxels[1, 2, 3] = np.nan
    return save(folder / "nan.nii", voxels)


def infinite_voxels(folder: Path) -> Path:
    voxels = VOXELS.copy()
    voxels[1, 2, 3:5] = np.inf, -np.inf
    return save(folder / "inf.nii", voxels)


def beyond_float32(folder: Path) -> Path:
    voxels = VOXELS.astype(np.float64)
    voxels[1, 2, 3:5] = 1e300
    return save(folder / "huge.nii", voxels)


def beyond_any_scanner(folder: Path) -> Path:
    return save(folder / "large.nii", VOXELS * np.float32(3e37))


def below_any_scanner(folder: Path) -> Path:
    return save(folder / "low.nii", VOXELS * np.float32(-3e37))


def zero(folder: Path) -> Path:
    return save(folder / "zero.nii", np.zeros((12, 12, 12), np.float32))


def constant(folder: Path) -> Path:
    return save(folder / "constant.nii", np.full((12, 12, 12), 7, np.float32))


def no_affine(folder: Path) -> Path:
    return save(folder / "unplaced.nii", affine=None)


def huge_voxels(folder: Path) -> Path:
    return save(folder / "metres.nii", affine=np.diag([1000.0, 1000.0, 1000.0, 1.0]))


def tiny_voxels(folder: Path) -> Path:
    return save(folder / "tiny.nii", affine=np.diag([0.001, 0.001, 0.001, 1.0]))


def with_sform(path: Path, affine: np.ndarray) -> Path:
    image = nibabel.Nifti1Image(VOXELS, AFFINE)
    image.header["sform_code"] = 2
    for name, values in zip(("srow_x", "srow_y", "srow_z"), affine, strict=False):
        image.header[name] = values
    header = image.header.copy()
    header.set_data_offset(352)
    path.write_bytes(header.binaryblock + bytes(4) + VOXELS.tobytes("F"))
    return path


def singular(folder: Path) -> Path:
    affine = np.eye(4)
    affine[:, 1] = affine[:, 0]
    return with_sform(folder / "singular.nii", affine)


def affine_of_zeros(folder: Path) -> Path:
    return with_sform(folder / "zeros.nii", np.zeros((4, 4)))


def affine_of_nan(folder: Path) -> Path:
    return with_sform(folder / "nan.nii", np.full((4, 4), np.nan))


def bomb(folder: Path, shape: tuple[int, int, int] = (32767, 32767, 32767)) -> Path:
    """A few bytes whose header declares as many voxels as a header can."""
    header = nibabel.Nifti1Header()
    header.set_data_dtype(np.float64)
    header.set_data_shape(shape)
    header.set_sform(np.eye(4), code=2)
    header.set_data_offset(352)
    path = folder / "bomb.nii.gz"
    path.write_bytes(gzip.compress(header.binaryblock + bytes(100_000)))
    return path


def empty_bomb(folder: Path) -> Path:
    """Voxels that would be believed by their number, and are not there."""
    return bomb(folder, (640, 640, 640))


def flipped_bit(folder: Path) -> Path:
    """One bit that inflates without a complaint: only the checksum at the end tells."""
    path = save(folder / "rot.nii.gz", (1000 * VOXELS).astype(np.int16))
    content = bytearray(path.read_bytes())
    for place in range(len(content) // 3, len(content) - 100):
        damaged = bytearray(content)
        damaged[place] ^= 4
        path.write_bytes(damaged)
        try:
            np.asarray(nibabel.load(path).dataobj)
        except Exception:
            continue
        return path
    raise AssertionError("every flip was noticed by inflating alone")


def nan_outside(folder: Path) -> Path:
    return save(folder / "outside.nii", np.where(VOXELS > 0, VOXELS, np.nan).astype(np.float32))


def no_pixdim(folder: Path) -> Path:
    image = nibabel.Nifti1Image(VOXELS, AFFINE)
    image.set_qform(AFFINE, 1)
    image.set_sform(None, 0)
    image.to_filename(folder / "pixdim.nii")
    content = bytearray((folder / "pixdim.nii").read_bytes())
    content[88:92] = bytes(4)
    (folder / "pixdim.nii").write_bytes(content)
    return folder / "pixdim.nii"


def tiny_brain(folder: Path) -> Path:
    return save(folder / "mouse.nii", affine=AFFINE @ np.diag([0.1, 0.1, 0.1, 1]))


def vast_brain(folder: Path) -> Path:
    return save(folder / "whale.nii", small_brain((16, 16, 16), seed=1), np.diag([18, 18, 18, 1]))


def marked_as_labels(folder: Path) -> Path:
    image = nibabel.Nifti1Image(np.digitize(VOXELS, [0.1, 0.6, 0.7]).astype(np.int16), AFFINE)
    image.header.set_intent("label")
    image.to_filename(folder / "labels.nii")
    return folder / "labels.nii"


def a_mask(folder: Path) -> Path:
    return save(folder / "mask.nii", (VOXELS > 0).astype(np.uint8))


def inverted(folder: Path) -> Path:
    return save(folder / "negative.nii", 1 - VOXELS)


def joined_files(folder: Path) -> Path:
    path = save(folder / "joined.nii.gz")
    path.write_bytes(path.read_bytes() * 2)
    return path


BAD_VOLUMES = [
    (missing, "cannot be found (No such file or directory)", "correct the path"),
    (directory, "is a folder without images of DICOM", "or the folder that the images are in"),
    (empty_file, "is an empty file", "copy it afresh"),
    (symlink_loop, "cannot be found (Too many levels of symbolic links)", "correct the path"),
    (dangling_link, "cannot be found (No such file or directory)", "correct the path"),
    (pipe, "is no file", "give the path of a volume"),
    (name_too_long, "cannot be found (File name too long)", "correct the path"),
    (other_suffix, "is no .nii.gz, .nii, .hdr, .img, .mgz, .mgh, nor a folder of DICOM", "convert it to NIfTI"),
    (text_file, "cannot be read as NIfTI", "copy it afresh"),
    (plain_named_gz, "is not gzipped", "call it .nii"),
    (gz_named_plain, "is gzipped", "call it .nii.gz"),
    (wrong_magic, "cannot be read as NIfTI", "copy it afresh"),
    (header_only, "cannot be read as NIfTI", "copy it afresh"),
    (truncated, "cannot be read as NIfTI", "copy it afresh"),
    (truncated_plain, "cannot be read as NIfTI", "copy it afresh"),
    (damaged_checksum, "cannot be read as NIfTI", "copy it afresh"),
    (colours, "holds colours", "convert it to grey values"),
    (complex_values, "holds complex64 values", "convert it to grey values"),
    (two_volumes, "is 12 × 13 × 14 × 2", "give a 3D volume"),
    (five_dimensions, "is 12 × 13 × 14 × 1 × 3", "give a 3D volume"),
    (one_slice, "is 12 × 13 × 1;", "at least 8 voxels along each axis"),
    (flat, "is 12 × 13;", "give a 3D volume"),
    (nan_voxel, "has 1 voxel that is not finite", "replace NaN and infinity by the background's value"),
    (infinite_voxels, "has 2 voxels that are not finite", "replace NaN and infinity by the background's value"),
    (beyond_float32, "has 2 voxels that are not finite", "replace NaN and infinity by the background's value"),
    (beyond_any_scanner, "holds values of 2.4e+37", "correct them or the file's scaling slope"),
    (below_any_scanner, "holds values of 2.4e+37", "correct them or the file's scaling slope"),
    (zero, "holds the value 0 everywhere", "give the scan itself"),
    (constant, "holds the value 7 everywhere", "give the scan itself"),
    (no_affine, "does not say how it lies in space", "set its sform"),
    (huge_voxels, "has voxels of 1e+03 × 1e+03 × 1e+03 mm", "0.1 to 20 mm"),
    (tiny_voxels, "has voxels of 0.001 × 0.001 × 0.001 mm", "0.1 to 20 mm"),
    (singular, "cannot be inverted", "set the true one"),
    (affine_of_zeros, "has voxels of 0 × 0 × 0 mm", "0.1 to 20 mm"),
    (affine_of_nan, "has voxels of nan", "0.1 to 20 mm"),
    (bomb, "declares 32767 × 32767 × 32767 voxels", "resample it"),
    (empty_bomb, "cannot be read as NIfTI", "copy it afresh"),
    (flipped_bit, "cannot be read as NIfTI (CRC check failed", "copy it afresh"),
    (nan_outside, "voxels that are not finite", "by the background's value"),
    (no_pixdim, "12 × 14 × 0 mm by its pixdim", "write the true sizes"),
    (tiny_brain, "would have a brain of 1.", "correct its voxel sizes"),
    (vast_brain, "would have a brain of ", "correct its voxel sizes"),
    (marked_as_labels, "marked as labels (intent code 1002)", "give the T1 image itself"),
    (a_mask, "looks like labels or a mask", "give the T1 image itself"),
    (inverted, "inverted intensities", "give them as they were acquired"),
    (joined_files, "bytes more than its header declares", "copy it afresh"),
]
"""How it is made, what is wrong with it, and the mend."""


def mask_of_another_shape(folder: Path) -> Path:
    return save(folder / "mask.nii", (VOXELS[:11] > 0.5).astype(np.uint8))


def mask_of_another_affine(folder: Path) -> Path:
    return save(folder / "mask.nii", (VOXELS > 0.5).astype(np.uint8), np.diag([12.0, 14.0, 10.0, 1.0]))


def mask_of_labels(folder: Path) -> Path:
    return save(folder / "mask.nii", (VOXELS > 0.5).astype(np.uint8) * 2)


def mask_of_fractions(folder: Path) -> Path:
    return save(folder / "mask.nii", VOXELS)


def mask_of_nan(folder: Path) -> Path:
    return save(folder / "mask.nii", np.full(VOXELS.shape, np.nan, np.float32))


BAD_MASKS = [
    (mask_of_another_shape, "is 11 × 13 × 14, the image 12 × 13 × 14", "resample it to the image's grid"),
    (mask_of_another_affine, "has another affine", "resample it to the image's grid"),
    (mask_of_labels, "holds values from 0 to 2", "write 1 in the anomaly and 0 elsewhere"),
    (mask_of_fractions, "holds values from", "write 1 in the anomaly and 0 elsewhere"),
    (mask_of_nan, "has 2184 voxels that are not finite", "replace NaN and infinity by the background's value"),
    (flat, "is 12 × 13;", "give a 3D volume"),
    (missing, "cannot be found", "correct the path"),
    (truncated, "cannot be read as NIfTI", "copy it afresh"),
]
