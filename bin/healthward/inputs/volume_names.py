"""What files of volumes are called."""

import re

VOLUME_SUFFIXES = (".nii.gz", ".nii", ".hdr", ".img", ".mgz", ".mgh")
"""NIfTI in one file or in two, and FreeSurfer's; a series of DICOM is a folder."""

_SUFFIX = re.compile(f"({'|'.join(map(re.escape, VOLUME_SUFFIXES))})$", re.IGNORECASE)


def without_suffix(name: str) -> str:
    """Return the name of a volume's file without what tells its format."""
    return _SUFFIX.sub("", name)
