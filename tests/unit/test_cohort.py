from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from healthward.cohort.summary import (
    MINIMUM_SCANS,
    curve_distances,
    describe,
    group_fid,
    localise,
    lowest_slices,
    read_scores,
    summarise,
)
from healthward.errors import InputError
from healthward.imaging.slices import AXES
from healthward.labels import ADNI
from healthward.maps.origin import Origin, save_origin

SIZE, FIRST, COUNT = 32, 11, 13
FRAME = {"size": SIZE, "first": FIRST, "count": COUNT, "fov": 192.0, "space": "scanner"}
METHOD = {**FRAME, "model": "f00d", "healthy": "CN", "disease": "AD", "guidance_scale": 3.0, "noise_depth": 249}


def slice_rows(scan: str, label: str = "CN", split: str = "test", level: float = 0.8, seed: int = 0) -> pd.DataFrame:
    """Slices whose SSIM follows the same anatomy in every scan, with noise of 0.01."""
    generator = np.random.default_rng(seed)
    place = np.linspace(-1, 1, COUNT)
    tables = []
    for number, axis in enumerate(AXES):
        ssim = level - 0.05 * number + 0.05 * place**2 + generator.normal(0, 0.01, COUNT)
        tables.append(pd.DataFrame({"axis": axis, "index": FIRST + np.arange(COUNT), "ssim": ssim}))
    table = pd.concat(tables, ignore_index=True)
    table.insert(0, "split", split)
    table.insert(0, "label", label)
    table.insert(0, "subject", scan)
    table.insert(0, "scan", scan)
    change = generator.uniform(0.01, 0.03, len(table))
    error = generator.uniform(0.005, 0.02, len(table))
    return table.assign(
        ms_ssim=table["ssim"] + 0.1,
        psnr=15 + 15 * table["ssim"],
        vsi=0.9 + 0.1 * table["ssim"],
        ssim_brain=table["ssim"] - 0.1,
        round_trip_psnr=35.0,
        round_trip_error=error,
        guided_change=change,
        unreliable=error > change,
    )


def write_scores(
    folder: Path,
    slices: pd.DataFrame,
    contrast: float = 0.05,
    voxels: dict[str, float] | None = None,
    extra: dict[str, float] | None = None,
    kept: int = 3,
) -> Path:
    """Write a folder of scores as score.py does."""
    place = folder / slices.at[0, "scan"]
    place.mkdir(parents=True)
    slices.to_csv(place / "slices.csv", index=False, float_format="%.6g")
    row = slices.loc[0, ["scan", "subject", "label", "split"]].to_dict()
    row |= slices[["ssim", "ms_ssim", "psnr", "vsi", "ssim_brain"]].mean().to_dict() | (extra or {})
    row |= {"anomaly_mean": 0.01, "anomaly_p99": 0.06, "log_odds": contrast, "contrast_p99": contrast}
    row |= {"round_trip_psnr": 35.0, "unreliable_fraction": slices["unreliable"].mean(), **(voxels or {})}
    pd.DataFrame([row]).to_csv(place / "scan.csv", index=False, float_format="%.6g")
    lowest = slices.nsmallest(kept, "ssim")
    generator = np.random.default_rng(1)
    np.savez(
        place / "lowest.npz",
        input=generator.random((kept, SIZE, SIZE), dtype=np.float32),
        healthy=generator.random((kept, SIZE, SIZE), dtype=np.float32),
        axis=lowest["axis"].to_numpy(dtype=str),
        index=lowest["index"].to_numpy(),
        ssim=lowest["ssim"].to_numpy(),
    )
    save_origin(place, Origin(place.name, "00", METHOD))
    return place


def write_cohort(folder: Path, count: int = 20, classes: tuple[str, ...] = ADNI, split: str = "test") -> list[Path]:
    """Write a cohort whose contrast map grows with the class and finds the true voxels."""
    places = []
    for number in range(count):
        label = classes[number % len(classes)]
        severity = ADNI.index(label)
        voxels = {"prevalence": 0.01 * severity, "anomaly_auprc": 0.01, "anomaly_auroc": 0.5}
        voxels |= {"contrast_auprc": 0.05 * severity, "contrast_auroc": 0.8}
        slices = slice_rows(f"s{number:02d}", label, split, seed=number)
        contrast = 0.05 + 0.01 * severity + 0.0001 * number
        places.append(write_scores(folder, slices, contrast, voxels if severity else None))
    return places


def covariates_of(places: list[Path]) -> pd.DataFrame:
    """A samplesheet's covariates: ages of every decade from 50 on, one in three women, no site."""
    numbers = np.arange(len(places))
    sexes = np.where(numbers % 3, "M", "F")
    scans = [place.name for place in places]
    return pd.DataFrame({"scan": scans, "age": 50.0 + 7 * numbers % 40, "sex": sexes, "site": None})


def curves(count: int) -> pd.DataFrame:
    return pd.concat([slice_rows(f"s{number:02d}", seed=number) for number in range(count)], ignore_index=True)


def test_no_outlier_among_scans_of_one_kind():
    assert not curve_distances(curves(30), 3.5)["outlier"].any()


def test_planted_outlier_is_found_and_placed():
    table = curves(30)
    dent = (table["scan"] == "s07") & (table["axis"] == "coronal") & table["index"].between(15, 18)
    table.loc[dent, "ssim"] -= 0.2
    found = curve_distances(table, 3.5)
    worst = found[found["outlier"]].iloc[0]
    assert list(found.loc[found["outlier"], "scan"]) == ["s07"]
    assert worst["worst_axis"] == "coronal"
    assert 15 <= worst["worst_index"] <= 18
    assert worst["worst_ssim"] < worst["median_ssim"] - 0.15


def test_identical_curves_have_no_outlier_and_a_shifted_one_stands_out():
    table = pd.concat([slice_rows(f"s{number:02d}") for number in range(12)], ignore_index=True)
    assert not curve_distances(table, 3.5)["outlier"].any()
    table.loc[table["scan"] == "s03", "ssim"] -= 0.1
    found = curve_distances(table, 3.5)
    assert list(found.loc[found["outlier"], "scan"]) == ["s03"]
    assert np.isfinite(found["robust_z"]).all()


def test_few_scans_have_no_outlier():
    table = curves(MINIMUM_SCANS - 1)
    table.loc[table["scan"] == "s03", "ssim"] -= 0.5
    found = curve_distances(table, 3.5)
    assert not found["outlier"].any()
    assert found["distance"].isna().all()


def test_lowest_slices_hold_all_below_the_threshold_and_the_lowest():
    table = curves(2)
    table.loc[[5, 20, 40], "ssim"] = [0.3, 0.1, 0.2]
    below = lowest_slices(table, 0.6, 2, SIZE)
    assert list(below["ssim"]) == [0.1, 0.2, 0.3]
    assert list(below["position"]) == ["32_18_32", "12_32_32", "16_32_32"]
    assert below["below_threshold"].all()
    lowest = lowest_slices(table, 0.15, 2, SIZE)
    assert list(lowest["ssim"]) == [0.1, 0.2]
    assert list(lowest["below_threshold"]) == [True, False]


def test_axial_position_comes_last():
    table = curves(1)
    table.loc[30, "ssim"] = 0.0
    assert lowest_slices(table, 0, 1, SIZE)["position"].item() == f"32_32_{table.at[30, 'index']}"


def test_describe_skips_what_is_missing():
    table = describe(pd.DataFrame({"a": [1.0, 2, 3, np.nan], "b": [np.nan] * 4, "c": [1.0, 2, np.nan, np.nan]}))
    assert table["n"].tolist() == [3, 0, 2]
    assert table.at["a", "mean"] == 2
    assert 1 <= table.at["a", "low"] < 2 < table.at["a", "high"] <= 3
    assert table.loc[["b", "c"], ["low", "high"]].isna().all(axis=None)


def test_localisation_stands_beside_chance(tmp_path: Path):
    scans = read_scores(write_cohort(tmp_path, 10), ADNI)[1]
    rows = localise(scans, ADNI).set_index(["split", "label", "map", "measure"])
    assert rows.loc[("test", "AD", "contrast", "auprc"), "mean"] == pytest.approx(0.2)
    assert rows.loc[("test", "AD", "contrast", "auprc"), "chance"] == pytest.approx(0.04)
    assert rows.loc[("all", "all", "anomaly", "auprc"), "chance"] == pytest.approx(0.025)
    assert rows.loc[("all", "all", "anomaly", "auroc"), "chance"] == 0.5
    assert "CN" not in rows.index.get_level_values("label")


def test_group_fid_of_known_features(tmp_path: Path):
    features = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        np.savez(tmp_path / name / "features.npz", input=features, healthy=features + np.float32([3, 0, 0, 0, 0, 0]))
    assert group_fid([tmp_path / "a", tmp_path / "b"]) == pytest.approx(9, rel=1e-4)
    (tmp_path / "c").mkdir()
    assert group_fid([tmp_path / "a", tmp_path / "c"]) is None


def test_group_fid_is_in_the_table_of_groups(tmp_path: Path):
    places = write_cohort(tmp_path, 4, ("CN", "AD"))
    for place in places:
        features = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
        moved = features + np.float32(place.name > "s01")
        np.savez(place / "features.npz", input=features, healthy=moved, input_brain=features, healthy_brain=features)
    groups = summarise(places).groups.set_index(["label", "score"])
    assert groups.loc[("AD", "group_fid"), "subjects"] == 2
    assert groups.loc[("AD", "group_fid"), "mean"] > 0.1
    assert groups.loc[("AD", "group_fid_brain"), "mean"] == pytest.approx(0, abs=1e-6)


def test_tables_do_not_depend_on_the_order_of_folders(tmp_path: Path):
    places = write_cohort(tmp_path / "scores", 10)
    summarise(places).write(tmp_path / "one")
    summarise(places[::-1]).write(tmp_path / "other")
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == [f"{name}.csv" for name in (
        "comparisons", "groups", "localisation", "lowest_slices", "outlier_scans", "scans", "slices",
    )]  # fmt: skip
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


def test_columns_of_the_tables(tmp_path: Path):
    cohort = summarise(write_cohort(tmp_path, 10))
    assert list(cohort.slices.columns[:9]) == [
        "scan",
        "subject",
        "label",
        "axis",
        "index",
        "ssim",
        "ms_ssim",
        "psnr",
        "vsi",
    ]
    assert "lpips" not in cohort.slices
    assert list(cohort.slices["axis"].unique()) == list(AXES)
    assert {"distance", "robust_z", "outlier", "contrast_auprc"} <= set(cohort.scans)


def test_covariates_join_the_scans_and_adjust_their_scores(tmp_path: Path):
    places = write_cohort(tmp_path / "scores", 40, ("CN", "AD"))
    sheet = covariates_of([*places, tmp_path / "another"])
    cohort = summarise(places, covariates=sheet)
    assert list(cohort.scans.columns[:7]) == ["scan", "subject", "label", "split", "control", "age", "sex"]
    assert cohort.scans["age"].tolist() == sheet["age"].tolist()[:40]
    assert cohort.covariates == ("age", "sex")
    for table in (cohort.groups, cohort.comparisons):
        assert {"contrast_p99", "contrast_p99_adjusted", "ssim_adjusted"} <= set(table["score"])
        assert not {"age", "sex", "age_adjusted", "prevalence_adjusted"} & set(table["score"])
    assert cohort.false_positives.groupby("covariate")["subjects"].sum().to_dict() == {"age": 20, "sex": 20}
    cohort.write(tmp_path / "tables")
    assert len(pd.read_csv(tmp_path / "tables" / "false_positives.csv")) == len(cohort.false_positives)


def test_covariates_that_no_scan_has_change_nothing(tmp_path: Path):
    places = write_cohort(tmp_path / "scores", 24, ("CN", "AD"))
    empty = covariates_of(places).assign(age=None, sex=None)
    summarise(places).write(tmp_path / "without")
    summarise(places, covariates=empty).write(tmp_path / "empty")
    written = [{path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("without", "empty")]
    assert written[0] == written[1]


def test_scan_that_the_samplesheet_lacks_is_named(tmp_path: Path):
    places = write_cohort(tmp_path, 3)
    with pytest.raises(InputError, match="the samplesheet has no scan s02"):
        summarise(places, covariates=covariates_of(places[:2]))


def test_one_scan_is_a_cohort_without_statistics(tmp_path: Path):
    cohort = summarise(write_cohort(tmp_path, 1), lowest=2)
    assert len(cohort.scans) == 1
    assert len(cohort.lowest) == 2
    assert cohort.comparisons.empty
    assert cohort.localisation.empty
    assert cohort.groups["low"].isna().all()


def test_metric_that_only_some_scans_have(tmp_path: Path):
    places = [
        write_scores(
            tmp_path, slice_rows(f"s{number}", label, seed=number), extra={"fid": 30.0 + number} if number else {}
        )
        for number, label in enumerate(["CN", "CN", "CN", "AD", "AD"])
    ]
    groups = summarise(places).groups.set_index(["label", "score"])
    assert groups.loc[("CN", "fid"), "subjects"] == 2
    assert groups.loc[("CN", "fid"), "mean"] == pytest.approx(31.5)


def test_id_that_reads_like_a_missing_value(tmp_path: Path):
    cohort = summarise([write_scores(tmp_path, slice_rows("NA")), write_scores(tmp_path, slice_rows("007"))])
    assert list(cohort.scans["scan"]) == ["007", "NA"]


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("slices.csv", "scan,subject,label,split,axis,index\n", "lacks the column ssim"),
        ("scan.csv", "scan,subject,label,split,log_odds\n", "has 0 rows"),
        ("scan.csv", "scan,subject,label,split,log_odds\ns,s,healthy,test,0\n", "label 'healthy'"),
        ("scan.csv", "scan,subject,label,split,log_odds\n../s,s,CN,test,0\n", "no valid id"),
        (
            "scan.csv",
            "scan,subject,label,split,evidence\ns,s,CN,test,0\n",
            "lacks the column log_odds; score the scan again",
        ),
        ("scan.csv", "", "missing or empty"),
        ("lowest.npz", None, "missing"),
    ],
)
def test_broken_folder_is_named(tmp_path: Path, file: str, content: str | None, message: str):
    place = write_scores(tmp_path, slice_rows("s"))
    (place / file).unlink()
    if content is not None:
        (place / file).write_text(content)
    with pytest.raises(InputError, match=message) as raised:
        summarise([place])
    assert str(place / file) in str(raised.value)


def test_scan_given_twice_is_refused(tmp_path: Path):
    places = [write_scores(tmp_path / name, slice_rows("s")) for name in ("a", "b")]
    with pytest.raises(InputError, match="scan s is also in"):
        summarise(places)
