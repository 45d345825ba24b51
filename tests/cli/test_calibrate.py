"""norm.py and calibrate.py: what they write of a cohort of controls and a patient."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from scipy import ndimage

from calibrate import calibrate
from healthward.cohort.departures import with_departures
from healthward.errors import InputError
from healthward.imaging.signatures import SIGNATURE, save_signatures, signature
from healthward.imaging.slices import ScanRecord, cut, fingerprint, save_scan
from healthward.imaging.volumes import Conformed, Geometry
from healthward.maps.fusion import coverage
from healthward.maps.origin import origin_of, save_origin
from norm import norm_of

SIZE, FIRST, COUNT = 32, 8, 16
RECORD = ScanRecord("scan", "subject", "CN", "test", SIZE, FIRST, COUNT, 128.0, "")
ALONG = np.arange(SIZE) - (SIZE - 1) / 2
BRAIN = np.sqrt(ALONG[:, None, None] ** 2 + ALONG[:, None] ** 2 + ALONG**2) < 12
LESION = (slice(10, 14),) * 3
AFFINE = np.diag([4.0, 4.0, 4.0, 1.0])
SETTINGS = {"guidance_scale": 3.0, "noise_depth": 249}


def write_scan(folder: Path, scan: str, label: str, seed: int, lesion: float = 0.0) -> None:
    """Write a scan as slice.py and map.py leave it, its scores noise but for a lesion."""
    rng = np.random.default_rng(seed)
    truth = np.zeros(BRAIN.shape, dtype=bool)
    truth[LESION] = True
    cube = np.where(BRAIN, rng.uniform(0.5, 1, BRAIN.shape), 0).astype(np.float32)
    stack = cut(cube, FIRST, COUNT)
    record = replace(RECORD, scan=scan, subject=f"p-{scan}", label=label, fingerprint=fingerprint(stack))
    geometry = Geometry(BRAIN.shape, AFFINE, AFFINE, np.eye(4), 0.0, 1.0)
    save_scan(folder / "slices" / scan, Conformed(cube, BRAIN, geometry), stack, truth, record)
    nib.save(nib.Nifti1Image(cube, AFFINE), folder / f"{scan}.nii.gz")
    place = folder / "maps" / scan
    place.mkdir(parents=True, exist_ok=True)
    save_origin(place, origin_of(record, "f00d", "CN", "AD", SETTINGS))
    noise = {name: rng.gamma(2, size=BRAIN.shape).astype(np.float32) for name in ("likeness", "round_trip")}
    noise["likeness"][LESION] += lesion
    np.savez(place / "scores.npz", **noise)


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    for number in range(7):
        write_scan(tmp_path, f"cn{number}", "CN", number)
    write_scan(tmp_path, "ad0", "AD", 99, lesion=10)
    return tmp_path


def run(command: object, *arguments: object) -> Result:
    return CliRunner().invoke(command, [str(part) for part in arguments])


def measured(cohort: Path, controls: int = 7) -> Result:
    slices = [cohort / "slices" / f"cn{number}" for number in range(controls)]
    return run(norm_of, *slices, "--maps", cohort / "maps", "--out", cohort / "norm")


def calibrated(cohort: Path, scan: str, *options: object) -> pd.Series:
    places = (cohort / "slices" / scan, cohort / "maps" / scan, cohort / f"{scan}.nii.gz")
    out = cohort / "calibrations" / scan
    result = run(calibrate, *places, "--norm", cohort / "norm", "--out", out, *options)
    assert result.exit_code == 0, result.output
    return pd.read_csv(out / "calibration.csv").iloc[0]


def test_lesion_is_called_in_the_patient_and_nothing_in_controls(cohort: Path) -> None:
    assert measured(cohort).exit_code == 0
    patient = calibrated(cohort, "ad0")
    # Its edges and corners, half of it, are what a median filter takes off a block: without them both would be near 1
    assert patient["z_auprc"] > 0.5
    assert patient["z_auroc"] > 0.9
    assert patient["dice_1"] > 0.3
    zscore, logp, abnormal = (
        nib.load(cohort / f"calibrations/ad0/ad0_{kind}.nii.gz").get_fdata() for kind in ("zscore", "logp", "abnormal")
    )
    assert zscore[11:13, 11:13, 11:13].min() > 3
    assert logp[11:13, 11:13, 11:13].min() > 2
    assert set(np.unique(abnormal)) == {0, 1}
    assert patient["abnormal_ml"] == pytest.approx(abnormal.sum() * 0.064)
    # The median filter carries a lesion one voxel on
    lesion = np.zeros(BRAIN.shape, dtype=bool)
    lesion[LESION] = True
    assert abnormal[11:13, 11:13, 11:13].all()
    assert abnormal[~ndimage.binary_dilation(lesion, iterations=2)].sum() <= 0.1 * abnormal.sum()
    seen = BRAIN & (coverage(RECORD) > 0)
    assert not zscore[~seen].any()
    controls = [calibrated(cohort, f"cn{number}") for number in range(7)]
    assert np.median([row["abnormal_ml"] for row in controls]) < 0.1


def test_healthy_people_who_are_no_controls_keep_the_rate(cohort: Path) -> None:
    assert measured(cohort).exit_code == 0
    strangers = [f"new{number}" for number in range(4)]
    for number, scan in enumerate(strangers):
        write_scan(cohort, scan, "CN", 50 + number)
    rows = [calibrated(cohort, scan) for scan in strangers]
    assert np.mean([row["beyond_5"] for row in rows]) == pytest.approx(0.05, abs=0.02)


def test_regions_of_an_atlas_say_where(cohort: Path) -> None:
    labels = np.where(ALONG[:, None, None] < 0, 1, 2) * np.ones(BRAIN.shape, dtype=int)
    nib.save(nib.Nifti1Image(labels.astype(np.int16), AFFINE), cohort / "atlas.nii.gz")
    (cohort / "atlas.tsv").write_text("index\tname\n1\tleft half\n2\tright half\n")
    assert measured(cohort).exit_code == 0
    atlas = ("--atlas", cohort / "atlas.nii.gz", "--atlas-names", cohort / "atlas.tsv")
    scans = ["ad0", *(f"cn{number}" for number in range(7))]
    for scan in scans:
        calibrated(cohort, scan, *atlas)
    identity = {
        "scan": scans,
        "subject": [f"p-{scan}" for scan in scans],
        "label": ["AD", *["CN"] * 7],
        "split": "test",
    }
    table, regions = with_departures(pd.DataFrame(identity), cohort / "calibrations", "CN")
    assert table.loc[0, "abnormal_ml"] > 1
    left = regions[(regions["scan"] == "ad0") & (regions["region"] == "left half")].iloc[0]
    assert left["percentile"] == 100
    assert left["asymmetry"] > 0
    assert left["beyond_ml"] == pytest.approx(table.loc[0, "abnormal_ml"], rel=0.1)
    assert set(regions["scan"]) == set(scans)
    calibrated(cohort, "ad0")
    assert not (cohort / "calibrations/ad0/regions.csv").exists()


@pytest.mark.parametrize(("shift", "status", "said"), [(48, 0, "only 31%"), (300, 1, "none of its regions lies in it")])
def test_an_atlas_elsewhere_is_told(cohort: Path, shift: float, status: int, said: str) -> None:
    moved = AFFINE.copy()
    moved[1, 3] = shift
    nib.save(nib.Nifti1Image(BRAIN.astype(np.int16), moved), cohort / "atlas.nii.gz")
    (cohort / "atlas.tsv").write_text("index\tname\n1\tbrain\n")
    assert measured(cohort).exit_code == 0
    places = (cohort / "slices/ad0", cohort / "maps/ad0", cohort / "ad0.nii.gz", "--norm", cohort / "norm")
    atlas = ("--atlas", cohort / "atlas.nii.gz", "--atlas-names", cohort / "atlas.tsv")
    result = run(calibrate, *places, *atlas, "--out", cohort / "out")
    assert result.exit_code == status
    assert f"atlas.nii.gz' on the brain of ad0: {said}" in result.stderr


def test_without_an_atlas_a_brain_elsewhere_has_no_regions(cohort: Path) -> None:
    assert measured(cohort).exit_code == 0
    calibrated(cohort, "ad0")
    assert not (cohort / "calibrations/ad0/regions.csv").exists()


def test_too_few_controls_are_reported_and_nothing_is_written(cohort: Path) -> None:
    result = measured(cohort, controls=5)
    assert result.exit_code == 0
    assert "5 held-out control subjects; it takes 6 to calibrate maps" in result.stderr
    assert not (cohort / "norm").exists()


def test_score_that_was_not_made_is_named(cohort: Path) -> None:
    slices = [cohort / "slices" / f"cn{number}" for number in range(7)]
    options = ("--maps", cohort / "maps", "--score", "anomaly", "--out", cohort / "norm")
    result = run(norm_of, *slices, *options)
    assert result.exit_code == 1
    assert "lacks the score anomaly; name it in map.py --scores" in result.stderr


def test_a_former_name_of_the_score_means_that_of_today_and_is_warned_of(cohort: Path) -> None:
    line = "--score disease is called likeness now; the old name goes with the next release"
    slices = [cohort / "slices" / f"cn{number}" for number in range(7)]
    result = run(norm_of, *slices, "--maps", cohort / "maps", "--score", "disease", "--out", cohort / "norm")
    assert result.exit_code == 0, result.output
    assert result.stderr.splitlines().count(line) == 1
    assert {path.parent.name for path in (cohort / "norm").glob("*/norm.npz")} == {"likeness", "round_trip"}
    places = (cohort / "slices/ad0", cohort / "maps/ad0", cohort / "ad0.nii.gz")
    result = run(calibrate, *places, "--norm", cohort / "norm", "--score", "disease", "--out", cohort / "out")
    assert result.exit_code == 0, result.output
    assert result.stderr.splitlines().count(line) == 1


def test_a_norm_of_an_older_version_is_refused(cohort: Path) -> None:
    assert measured(cohort).exit_code == 0
    file = cohort / "norm/method.json"
    file.write_text(json.dumps(json.loads(file.read_text())["method"]))
    assert of_norm(cohort) == f"{file}: does not tell who its controls are; run norm.py again"


def of_norm(cohort: Path, *options: object) -> str:
    """Return why the patient is not calibrated."""
    places = (cohort / "slices/ad0", cohort / "maps/ad0", cohort / "ad0.nii.gz")
    return refused(calibrate, *places, "--norm", cohort / "norm", *options, "--out", cohort / "out")


def test_a_norm_without_its_controls_maps_or_of_another_score_is_refused(cohort: Path) -> None:
    assert measured(cohort).exit_code == 0
    said = of_norm(cohort, "--score", "residual")
    assert said == f"{cohort / 'norm'}: is of the score likeness, not of residual; give --score likeness"
    (cohort / "norm/round_trip/controls/p-cn2.npz").unlink()
    missing = "lacks maps of its controls (round_trip/controls/p-cn2.npz); copy it whole, or run norm.py again"
    assert of_norm(cohort) == f"{cohort / 'norm'}: {missing}"


@pytest.mark.parametrize("subject", ["somebody", "P_CN0"])
def test_a_control_is_left_out_of_its_own_norm_whatever_its_subject_is_called(cohort: Path, subject: str) -> None:
    assert measured(cohort).exit_code == 0
    before = calibrated(cohort, "cn0")
    spoil(cohort / "slices/cn0", "scan.json", subject=subject)
    pd.testing.assert_series_equal(calibrated(cohort, "cn0"), before)


@pytest.mark.parametrize("option", ["--atlas", "--atlas-names"])
def test_half_an_atlas_is_a_wrong_usage(cohort: Path, option: str) -> None:
    places = (cohort / "slices/ad0", cohort / "maps/ad0", cohort / "ad0.nii.gz")
    result = run(calibrate, *places, "--norm", cohort, option, cohort / "ad0.nii.gz", "--out", cohort / "out")
    assert result.exit_code == 2
    assert "--atlas and --atlas-names belong together; give both." in result.stderr


@pytest.mark.parametrize("name", ["calibration.csv", "regions.csv"])
def test_a_calibration_under_another_scans_name_is_refused(cohort: Path, name: str) -> None:
    row = dict.fromkeys(("z_mean", "z_p99", "beyond_1", "beyond_5", "abnormal_ml", "round_trip_z_p99"), 0.0)
    (cohort / "calibrations/a").mkdir(parents=True)
    for written in ("calibration.csv", "regions.csv"):
        table = pd.DataFrame([{"scan": "b" if written == name else "a", **row, "region": "insula", "mean_z": 0.0}])
        table.to_csv(cohort / "calibrations/a" / written, index=False)
    scans = pd.DataFrame([{"scan": "a", "subject": "p", "label": "CN", "split": "test"}])
    with pytest.raises(InputError, match=f"{name}: is of scan 'b', not of 'a'; calibrate the scan again"):
        with_departures(scans, cohort / "calibrations", "CN")


def spoil(folder: Path, name: str, **values: object) -> None:
    """Change what a JSON file says, or what its `method` says where that has it."""
    content = json.loads((folder / name).read_text())
    for key, value in values.items():
        (content["method"] if key in content.get("method", {}) else content)[key] = value
    (folder / name).write_text(json.dumps(content))


def refused(command: object, *arguments: object) -> str:
    result = run(command, *arguments)
    assert result.exit_code == 1
    [line] = result.stderr.removeprefix("Error: ").splitlines()[-1:]
    return line


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"scan": "cn3"}, "made of scan 'cn3', not of 'ad0'; give the folder of this scan"),
        ({"fingerprint": "00"}, "made of other slices of 'ad0' than these; reconstruct the scan again"),
        ({"fov": 192.0}, "made of other slices of 'ad0' than these; reconstruct the scan again"),
        ({"guidance_scale": 5.0}, "made with guidance_scale 5, not 3 as the controls of "),
        ({"noise_depth": 99}, "made with noise_depth 99, not 249 as the controls of "),
        ({"model": "beef"}, "made with model beef, not f00d as the controls of "),
        ({"method": {}}, "origin.json: damaged (ValueError: no method); reconstruct the scan again"),
    ],
)
def test_maps_of_another_scan_or_made_otherwise_than_the_controls_are_refused(
    cohort: Path, changes: dict[str, object], expected: str
) -> None:
    assert measured(cohort).exit_code == 0
    spoil(cohort / "maps/ad0", "origin.json", **changes)
    out = cohort / "calibrations/ad0"
    places = (cohort / "slices/ad0", cohort / "maps/ad0", cohort / "ad0.nii.gz")
    assert expected in refused(calibrate, *places, "--norm", cohort / "norm", "--out", out)
    assert not out.exists()


def test_a_folder_of_another_scan_is_refused_and_one_that_was_half_written_taken(cohort: Path) -> None:
    assert measured(cohort).exit_code == 0
    out = cohort / "calibrations/ad0"
    places = (cohort / "slices/ad0", cohort / "maps/ad0", cohort / "ad0.nii.gz")
    arguments = (*places, "--norm", cohort / "norm", "--out", out)
    assert run(calibrate, *arguments).exit_code == 0
    spoil(out, "origin.json", scan="cn3")
    assert f"{out}: holds what was made of scan 'cn3'; give 'ad0' a folder of its own" in refused(calibrate, *arguments)
    (out / "origin.json").write_text("{")
    assert run(calibrate, *arguments).exit_code == 0


def test_maps_of_a_brain_that_was_sliced_anew_are_refused(cohort: Path) -> None:
    assert measured(cohort).exit_code == 0
    stale = (cohort / "maps/ad0/origin.json").read_text()
    write_scan(cohort, "ad0", "AD", 100)
    (cohort / "maps/ad0/origin.json").write_text(stale)
    places = (cohort / "slices/ad0", cohort / "maps/ad0", cohort / "ad0.nii.gz")
    message = refused(calibrate, *places, "--norm", cohort / "norm", "--out", cohort / "calibrations/ad0")
    assert "made of other slices of 'ad0' than these" in message


@pytest.mark.parametrize("name", ["origin.json", "method.json"])
def test_maps_that_do_not_tell_what_they_were_made_of_are_refused(cohort: Path, name: str) -> None:
    assert measured(cohort).exit_code == 0
    place = cohort / ("maps/ad0" if name == "origin.json" else "norm")
    (place / name).unlink()
    places = (cohort / "slices/ad0", cohort / "maps/ad0", cohort / "ad0.nii.gz")
    message = refused(calibrate, *places, "--norm", cohort / "norm", "--out", cohort / "calibrations/ad0")
    assert message.startswith(f"{place}: has no {name} that tells ")


@pytest.mark.parametrize(
    ("file", "changes", "expected"),
    [
        ("slices/cn1/scan.json", {"split": "train"}, "scan 'cn1' is a training scan, which the model knows; leave it"),
        ("maps/cn1/origin.json", {"learned": True}, "scan 'cn1' is one that the model was trained on, though its"),
        ("slices/cn1/scan.json", {"subject": "P-CN0"}, "'p-cn0' of scan 'cn0' and 'P-CN0' of 'cn1' differ only in"),
        ("slices/cn1/scan.json", {"label": "MCI"}, "scan 'cn1' is of class MCI, and controls are CN; leave it out"),
        ("maps/cn1/origin.json", {"model": "beef"}, "cn1: made with model beef, not f00d as those of 'cn0'"),
        ("maps/cn1/origin.json", {"noise_depth": 9}, "cn1: made with noise_depth 9, not 249 as those of"),
        ("maps/cn1/origin.json", {"fov": 192.0}, "made of other slices of 'cn1' than these; reconstruct"),
    ],
)
def test_a_norm_is_fitted_to_held_out_controls_that_were_made_alike(
    cohort: Path, file: str, changes: dict[str, object], expected: str
) -> None:
    spoil((cohort / file).parent, Path(file).name, **changes)
    result = measured(cohort)
    assert result.exit_code == 1
    assert expected in result.stderr
    assert not (cohort / "norm").exists()


@pytest.mark.parametrize("renamed", [False, True])
def test_a_control_given_twice_is_refused(cohort: Path, renamed: bool) -> None:
    folders = ("slices", "maps")
    for place in folders if renamed else ():
        shutil.copytree(cohort / place / "cn0", cohort / place / "cn9")
    if renamed:
        spoil(cohort / "slices/cn9", "scan.json", scan="cn9", subject="p-cn9")
        spoil(cohort / "maps/cn9", "origin.json", scan="cn9")
    slices = [cohort / "slices" / name for name in ("cn0", "cn9" if renamed else "cn0")]
    message = refused(norm_of, *slices, "--maps", cohort / "maps", "--out", cohort / "norm")
    assert message == ("scan 'cn9' is given twice, as 'cn0', too; give it once" if renamed else
                    "scan 'cn0' is given twice; give it once")  # fmt: skip


def test_a_mirrored_copy_of_a_control_is_refused(cohort: Path) -> None:
    rng = np.random.default_rng(5)
    cube = np.where(BRAIN, rng.uniform(0.5, 1, BRAIN.shape), 0).astype(np.float32)
    for scan, voxels in (("cn0", cube), ("cn1", 2 * cube[::-1])):
        save_signatures(cohort / "slices" / scan / SIGNATURE, [signature(voxels)])
    slices = [cohort / "slices" / f"cn{number}" for number in range(7)]
    message = refused(norm_of, *slices, "--maps", cohort / "maps", "--out", cohort / "norm")
    copy = "a turned, mirrored, cropped, rescaled or retyped copy of 'cn0'"
    assert message == f"scan 'cn1' is {copy}; leave one of them out"


def test_an_earlier_norm_leaves_nothing_behind(cohort: Path) -> None:
    assert measured(cohort, controls=7).exit_code == 0
    assert measured(cohort, controls=6).exit_code == 0
    assert not (cohort / "norm/likeness/controls/p-cn6.npz").exists()
    assert measured(cohort, controls=5).exit_code == 0
    assert not [path for path in (cohort / "norm").rglob("*") if path.is_file()]


def test_volumes_for_the_viewer(cohort: Path) -> None:
    assert measured(cohort).exit_code == 0
    calibrated(cohort, "ad0")
    for name in ("zscore", "abnormal"):
        script = (cohort / f"calibrations/ad0/viewer/{name}.js").read_text()
        assert script.startswith(f'healthwardVolume("ad0", "{name}", "')
