"""What a run was made with: versions of every library, and digests of the voxels that went in."""

import hashlib
import platform
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from healthward import __version__

LIBRARIES = (
    "click",
    "einops",
    "jinja2",
    "jsonschema",
    "lpips",
    "matplotlib",
    "monai",
    "monai-generative",
    "nibabel",
    "nilearn",
    "numpy",
    "pandas",
    "piq",
    "plotly",
    "pybids",
    "safetensors",
    "scikit-image",
    "scikit-learn",
    "scipy",
    "simpleitk",
    "statsmodels",
    "tensorboardx",
    "torch",
    "torch-fidelity",
    "torchmetrics",
    "torchvision",
    "tqdm",
)
"""The dependencies that the project declares, by their names on the package index."""


def versions() -> dict[str, str]:
    """Return the versions of this project, of Python and of every library that is installed, and the platform."""
    found = {"healthward": __version__, "python": platform.python_version(), "platform": platform.platform()}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found


def voxel_digest(voxels: np.ndarray) -> str:
    """Return the SHA-256 of an array's shape and values, as float32 in C order: its storage does not matter."""
    digest = hashlib.sha256(repr(tuple(int(length) for length in voxels.shape)).encode())
    digest.update(np.ascontiguousarray(voxels, dtype="<f4").data)
    return digest.hexdigest()
