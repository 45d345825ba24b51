"""What a run says of its making."""

import re
import tomllib
from pathlib import Path

import numpy as np

from healthward import __version__
from healthward.inputs.provenance import LIBRARIES, versions, voxel_digest


def test_every_dependency_of_the_project_is_recorded() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = [re.split(r"[<>=!~ ;\[]", entry)[0] for entry in project["dependencies"]]
    assert list(LIBRARIES) == sorted(declared)


def test_versions_are_of_what_is_installed() -> None:
    found = versions()
    assert found["healthward"] == __version__
    assert found["numpy"] == np.__version__
    assert found["python"].count(".") == 2


def test_a_digest_knows_shape_and_values_but_not_storage() -> None:
    voxels = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    assert voxel_digest(voxels) == voxel_digest(np.asfortranarray(voxels.astype(np.int16)))
    assert voxel_digest(voxels) == voxel_digest(voxels.astype(">f4"))
    assert len({voxel_digest(voxels), voxel_digest(voxels.reshape(3, 2, 4)), voxel_digest(voxels + 1)}) == 3
