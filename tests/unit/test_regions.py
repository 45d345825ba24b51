from dataclasses import replace

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nibabel.affines import from_matvec

from healthward.cohort.departures import region_percentiles
from healthward.errors import InputError
from healthward.imaging.regions import (
    TEMPLATE_OVERLAP,
    Atlas,
    atlas_on,
    check_place,
    doubted_names,
    in_template_space,
    load_atlas,
    mirrored,
    opposite_regions,
    region_table,
    template_atlas,
)
from healthward.imaging.template import load_brain
from phantoms import rotation

NAMES = "index\tname\n1\tInsula_L\n2\tInsula_R\n"


@pytest.fixture(scope="module")
def template():
    return template_atlas()


def volume(path, voxels, affine=None):
    nib.save(nib.Nifti1Image(voxels, np.eye(4) if affine is None else affine), path)
    return path


def labelled(tmp_path, names=NAMES, voxels=None):
    """Paths of an atlas of labels 0, 1, 2 and 17, and of its table."""
    if voxels is None:
        voxels = np.zeros((4, 4, 4), dtype=np.int16)
        voxels[0], voxels[1], voxels[2] = 1, 2, 17
    table = tmp_path / "names.tsv"
    table.write_text(names, encoding="utf-8")
    return volume(tmp_path / "atlas.nii.gz", voxels), table


@pytest.mark.parametrize(
    "names",
    [
        NAMES,
        "Name,Label,colour\nInsula_L,1,red\nInsula_R,2,blue\n",
        "\ufeffvalue,name\r\n0,background\r\n1,Insula_L\r\n\r\n2,Insula_R\r\n9,nowhere\r\n",
    ],
)
def test_an_atlas_has_a_name_for_every_label_in_it(tmp_path, names):
    atlas = load_atlas(*labelled(tmp_path, names))
    assert atlas.names == {1: "Insula_L", 2: "Insula_R", 17: "label 17"}
    assert atlas.labels.dtype == np.int32
    assert np.unique(atlas.labels).tolist() == [0, 1, 2, 17]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("", "has the columns"),
        ("index,region\n1,a\n", "has the columns"),
        ("number,name\n1,a\n", "index, label or value"),
        ("index,name\n1,a\n1,b\n", "row 3: index 1 is there twice"),
        ("index,name\n1,a\n2,a\n", "row 3: the name 'a' is there twice"),
        ("index,name\n1, \n", "row 2: the name of 1 is empty"),
        ("index,name\n1.5,a\n", "'1.5' is no whole number"),
        ("index,name\n1,Gyrus, superior\n", "3 fields where the header has 2"),
        ("index,name\n5,a\n", "names no label"),
        ("index\tname\n0\tFrontal Pole\n1\tInsula_L\n", "0, which is outside of all regions, is called 'Frontal Pole'"),
        ("index\tlabel\tname\n0\t1\tInsula_L\n", "row 2: index and label are 0, 1; keep the one that holds"),
    ],
)
def test_a_wrong_table_of_names_is_refused_in_one_line(tmp_path, names, message):
    with pytest.raises(InputError, match=message) as error:
        load_atlas(*labelled(tmp_path, names))
    assert "names.tsv" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("value", [1.5, -1.0, 2.0**24])
def test_what_is_no_label_is_refused(tmp_path, value):
    with pytest.raises(InputError, match=r"atlas\.nii\.gz: .* is no label"):
        load_atlas(*labelled(tmp_path, voxels=np.full((3, 3, 3), value)))


def test_unreadable_files_are_named(tmp_path):
    path, table = labelled(tmp_path)
    with pytest.raises(InputError, match=r"none\.tsv"):
        load_atlas(path, tmp_path / "none.tsv")
    with pytest.raises(InputError, match=r"none\.nii"):
        load_atlas(tmp_path / "none.nii", table)
    with pytest.raises(InputError, match="give a 3D volume"):
        load_atlas(volume(tmp_path / "4d.nii.gz", np.ones((3, 3, 3, 2))), table)


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ((-27, -22, -14), "left hippocampus"),
        ((23, -4, -19), "right amygdala"),
        ((-10, 0, 22), "left lateral ventricle"),
        ((26, -40, 8), "right lateral ventricle"),
        ((-60, -20, -10), "left temporal cortex"),
        ((6, -60, 40), "right parietal cortex"),
        ((-30, -60, -36), "left cerebellum"),
        ((28, -10, 32), "right white matter"),
    ],
)
def test_the_template_has_its_regions_in_their_places(template, place, name):
    around = np.mgrid[-2:3, -2:3, -2:3].reshape(3, -1).T + place
    voxels = np.rint(np.linalg.solve(template.affine, np.c_[around, np.ones(len(around))].T)[:3]).astype(int)
    found = template.labels[tuple(voxels)]
    assert template.names[np.bincount(found[found > 0]).argmax()] == name


def test_the_template_is_about_as_large_left_as_right(template):
    ml = np.bincount(template.labels.ravel(), minlength=29)[1:].reshape(-1, 2) * 0.008
    assert len(template.names) == 28
    assert all(mirrored(name) in template.names.values() for name in template.names.values())
    np.testing.assert_allclose(ml[:, 0], ml[:, 1], rtol=0.15)
    assert (ml > 1).all()


def test_overlap_with_the_template_is_that_of_the_world():
    brain, affine = load_brain(2)
    assert in_template_space(brain, affine) == 1
    flipped = affine @ np.diag([-1, 1, 1, 1])
    flipped[0, 3] += affine[0, 0] * (len(brain) - 1)
    assert in_template_space(brain[::-1], flipped) == 1
    shares = []
    for shift in (5, 20, 500):
        moved = affine.copy()
        moved[2, 3] += shift
        shares.append(in_template_space(brain, moved))
    assert shares[0] > TEMPLATE_OVERLAP > shares[1] > shares[2] == 0
    assert in_template_space(np.zeros_like(brain), affine) == 0


def test_an_atlas_on_another_grid_keeps_place_and_labels():
    labels = np.zeros((6, 6, 6), dtype=np.int32)
    labels[1:3], labels[3:5] = 7, 9_000_001
    finer = np.diag([-1.0, 1, 1, 1])
    finer[:3, 3] = [11.5, 0.5, 0.5]
    on_grid = atlas_on(Atlas(labels, np.diag([2.0, 2, 2, 1]), {7: "a", 9_000_001: "b"}), (14, 4, 4), finer)
    assert on_grid.dtype == np.int32
    assert on_grid[:, 1, 1].tolist() == [0] * 3 + [9_000_001] * 4 + [7] * 4 + [0] * 3


def test_a_table_tells_what_was_put_into_each_region():
    labels = np.zeros((4, 5, 5), dtype=np.int32)
    labels[0], labels[1], labels[2], labels[3] = 1, 2, 40, 99
    z = np.select([labels == 1, labels == 2], [3, 1], default=-2).astype(np.float32)
    z[0, 0] = np.nan
    z[2] = np.nan
    beyond = np.zeros(z.shape, dtype=bool)
    beyond[0, :2] = beyond[1, 0, 0] = True
    names = {40: "unseen", 2: "right hand", 1: "left hand", 50: "left alone"}
    table = region_table(z, labels, names, {"left hand": "right hand"}, beyond, voxel_ml=0.1)
    expected = pd.DataFrame(
        {
            "region": ["left hand", "right hand", "unseen", "left alone"],
            "voxels_ml": [2.0, 2.5, 0, 0],
            "mean_z": [3.0, 1, np.nan, np.nan],
            "beyond_ml": [0.5, 0.1, 0, 0],
            "asymmetry": [2.0, 2, np.nan, np.nan],
        }
    )
    pd.testing.assert_frame_equal(table, expected)


def test_names_that_are_perhaps_another_atlas_are_doubted(template):
    assert doubted_names(template) == ""
    assert doubted_names(replace(template, unnamed=2)) == ""
    assert doubted_names(replace(template, unnamed=3)).startswith("3 of its 28 labels have no name; see that")
    assert doubted_names(replace(template, unused=29)).startswith(
        "29 names of 57 are of no label that it has; see that"
    )
    mirror = replace(template, affine=np.diag([-1.0, 1, 1, 1]) @ template.affine)
    for other in (mirror, replace(template, names={key: str(mirrored(name)) for key, name in template.names.items()})):
        assert doubted_names(other).startswith("14 of 14 left regions lie right of the right ones; see that")


def test_a_table_may_call_the_outside_and_say_its_labels_twice(tmp_path):
    names = "index\tlabel\tname\n0\t0\tBackground\n1\t1\tInsula_L\n2\t2\tInsula_R\n9\t9\tCuneus\n"
    atlas = load_atlas(*labelled(tmp_path, names))
    assert (atlas.unnamed, atlas.unused) == (1, 1)


def test_regions_of_one_name_are_opposites_where_they_lie_so():
    template = template_atlas()
    assert opposite_regions(template) == {name: mirrored(name) for name in template.names.values() if "left" in name}
    tilted = replace(template, affine=from_matvec(rotation(20), [0, 0, 0]) @ template.affine)
    assert opposite_regions(tilted) == opposite_regions(template)
    exchange = {"right temporal cortex": "right parietal cortex", "right parietal cortex": "right temporal cortex"}
    numbered = replace(template, names={key: exchange.get(name, name) for key, name in template.names.items()})
    assert opposite_regions(template).items() - opposite_regions(numbered).items() == {
        ("left temporal cortex", "right temporal cortex"),
        ("left parietal cortex", "right parietal cortex"),
    }
    assert opposite_regions(replace(template, names={1: "left hand"})) == {}


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("left lateral ventricle", "right lateral ventricle"),
        ("Left-Hippocampus", "Right-Hippocampus"),
        ("ctx-lh-insula", "ctx-rh-insula"),
        ("Precentral_L", "Precentral_R"),
        ("7Networks_LH_Vis_1", "7Networks_RH_Vis_1"),
        ("L_V1_L", "R_V1_L"),
    ],
)
def test_a_side_is_found_in_any_atlas_way(left, right):
    assert mirrored(left) == right
    assert mirrored(right) == left


@pytest.mark.parametrize("name", ["Brain-Stem", "bright spot", "cleft", "Lingual", "label 17", "CSF"])
def test_a_name_without_side_has_no_mirror(name):
    assert mirrored(name) is None


@given(st.text(alphabet="LRlefthrig-_ 1"))
def test_mirroring_twice_changes_nothing(name):
    other = mirrored(name)
    assert other is None or (other != name and mirrored(other) == name)


def cohort(scans):
    """A table of one region from (subject, control, mean_z) of each scan."""
    return pd.DataFrame(scans, columns=["subject", "control", "mean_z"]).assign(
        scan=[f"s{number}" for number in range(len(scans))], label="CN", region="insula"
    )


def test_a_percentile_counts_control_subjects_once_and_never_the_own():
    controls = [(f"c{number}", True, float(number)) for number in range(6)]
    scans = [
        *controls,
        ("c5", True, 7.0),  # c5 is 6 on average
        ("patient", False, 5.5),
        ("patient", False, -1.0),
        ("patient", False, 99.0),
        ("patient", False, np.nan),
    ]
    percentile = region_percentiles(cohort(scans))["percentile"]
    expected = [0, 20, 40, 60, 80, 100, 100, 100 * 5 / 6, 0, 100, np.nan]
    np.testing.assert_allclose(percentile, expected)


def test_a_percentile_takes_five_other_control_subjects_that_know_the_region():
    controls = [*((f"c{number}", True, float(number)) for number in range(5)), ("c5", True, np.nan)]
    table = region_percentiles(cohort([*controls, ("patient", False, 1.5)]))
    np.testing.assert_allclose(table["percentile"], [np.nan] * 6 + [40])
    alone = region_percentiles(table[~table["control"]])
    assert alone["percentile"].isna().all()


def test_each_region_has_its_own_percentiles():
    first = cohort([*((f"c{number}", True, float(number)) for number in range(5)), ("patient", False, 2.5)])
    second = first.assign(region="precuneus", mean_z=-first["mean_z"])
    both = region_percentiles(pd.concat([first, second]))
    patient = both[both["subject"] == "patient"].set_index("region")["percentile"]
    assert patient.to_dict() == {"insula": 60, "precuneus": 40}


def test_an_atlas_that_does_not_lie_on_the_brain_is_told():
    brain = np.zeros((20, 20, 20), dtype=bool)
    brain[4:16, 4:16, 4:16] = True
    affine = np.diag([4.0, 4, 4, 1])

    def placed(labels: np.ndarray, shift: float = 0) -> str | None:
        own = affine.copy()
        own[1, 3] = shift
        return check_place(Atlas(labels.astype(np.int32), own, {1: "a"}), brain, affine, "it")

    part = np.zeros_like(brain)
    part[8:10, 8:10, 8:10] = True
    assert placed(brain) is placed(part) is placed(np.ones_like(brain)) is placed(brain, shift=8) is None
    line = "it: only 67% of its regions lie in it, and 67% of it in a region; "
    line += "give one in MNI152 space, or of scans that are not registered in their own"
    assert placed(brain, shift=16) == line
    with pytest.raises(InputError, match=r"^it: none of its regions lies in it; give one in MNI152 space"):
        placed(brain, shift=300)
