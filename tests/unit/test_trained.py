import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from healthward.diffusion.trained import (
    check_use,
    class_complaints,
    classes_of_model,
    compared_classes,
    trained_classes,
)
from healthward.errors import InputError
from healthward.imaging.slices import ScanRecord, slice_bounds
from healthward.labels import ADNI, Classes
from models import TINY, write_model
from slice import slice_scan

ALL = tuple(ADNI)


@pytest.mark.parametrize(
    ("training", "seen"),
    [
        ({"people": {"CN": 12, "EMCI": 0, "MCI": 3, "LMCI": 0, "AD": 0}}, ("CN", "MCI")),
        ({"people": {"AD": 1, "CN": 1}, "scans": {"MCI": ["a"]}}, ("CN", "AD")),
        ({"scans": {"CN": ["a", "b"], "MCI": ["c"], "AD": []}}, ("CN", "MCI")),
        ({"steps": 7}, ALL),
        ({"people": 5}, ALL),
        (None, ALL),
        (3, ALL),
    ],
)
def test_what_a_config_tells_of_its_training(training: Any, seen: tuple[str, ...]) -> None:
    assert trained_classes({"training": training}, ADNI) == seen


STUDY = Classes(("HC", "SCD", "DEM"))


@pytest.mark.parametrize(("conditions", "stated", "known"), [(6, None, ADNI), (4, STUDY, STUDY)])
def test_a_pair_of_files_has_the_classes_that_are_stated_of_it(tmp_path: Path, conditions, stated, known) -> None:
    (tmp_path / "x.pt").touch()
    assert classes_of_model(tmp_path / "x.pt", conditions, stated) == (known, known)


@pytest.mark.parametrize(("conditions", "held"), [(9, 8), (4, 3), (1, 0), (0, 0)])
def test_a_pair_of_which_not_all_classes_are_stated_is_refused(tmp_path: Path, conditions: int, held: int) -> None:
    (tmp_path / "x.pt").touch()
    line = f"model: its embedding holds {held} classes and --classes names 5, CN,EMCI,MCI,LMCI,AD; name them all"
    with pytest.raises(InputError, match=f"^{re.escape(line)}"):
        classes_of_model(tmp_path / "x.pt", conditions, None)


def test_a_folder_is_asked(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", training={"people": {"CN": 2, "MCI": 1}})
    assert classes_of_model(model, 6, None) == (ADNI, ("CN", "MCI"))
    with pytest.raises(InputError, match=r"its config\.json names 5, .*; give files of one training$"):
        classes_of_model(model, 3, None)
    study = write_model(tmp_path / "study", replace(TINY, conditions=4), classes=list(STUDY))
    assert classes_of_model(study, 4, None) == classes_of_model(study, 4, STUDY) == (STUDY, STUDY)
    with pytest.raises(
        InputError, match=r"^--classes: 'HC,DEM,SCD' are not the classes of the model; give HC,SCD,DEM$"
    ):
        classes_of_model(study, 4, Classes(("HC", "DEM", "SCD")))
    other = write_model(tmp_path / "other", classes={"CN": 1})
    with pytest.raises(InputError, match=r"config\.json: names no classes; copy the model afresh$"):
        classes_of_model(other, 6, None)


@pytest.mark.parametrize(
    ("trained", "healthy", "disease", "chosen"),
    [
        (ALL, "CN", None, "AD"),
        (("CN", "EMCI", "LMCI"), "CN", None, "LMCI"),
        (("CN", "EMCI", "LMCI"), "CN", "EMCI", "EMCI"),
        (("EMCI", "AD"), "AD", None, "EMCI"),
    ],
)
def test_the_most_severe_class_that_was_trained_on_is_tested_for(trained, healthy, disease, chosen) -> None:
    assert class_complaints(healthy, disease, trained) == []
    assert compared_classes(healthy.lower(), disease, ADNI, trained) == (healthy, chosen)


@pytest.mark.parametrize(
    ("trained", "healthy", "disease", "line"),
    [
        (("CN", "MCI"), "CN", "AD", "--disease: 'AD' was not trained on; give one of CN, MCI"),
        (("CN", "MCI"), "EMCI", None, "--healthy: 'EMCI' was not trained on; give one of CN, MCI"),
        (("CN",), "CN", None, "--healthy: 'CN' is the only class that was trained on; give a model that knows another"),
        ((), "CN", None, "--healthy: 'CN' was not trained on; give another model"),
        (ALL, "AD", "AD", "--disease: 'AD' is the healthy class, too; give another one"),
        (ALL, None, "cn", "--disease: 'CN' is the healthy class, too; give another one"),
        (ALL, "HC", None, "--healthy: 'HC' is no class; write one of CN, EMCI, MCI, LMCI, AD"),
        (ALL, None, "5", "--disease: '5' is no class, and a number means another one in each study; write one of"),
    ],
)
def test_a_class_that_was_not_trained_on_is_refused(trained, healthy, disease, line) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(line)}"):
        compared_classes(healthy, disease, ADNI, trained)


def test_without_a_word_the_first_class_is_healthy_and_the_most_severe_is_tested_for() -> None:
    assert compared_classes(None, None, STUDY, STUDY) == ("HC", "DEM")
    assert compared_classes(None, None, STUDY, ("HC", "SCD")) == ("HC", "SCD")


@pytest.mark.parametrize("size", range(32, 257))
def test_slices_that_are_cut_as_a_refusal_says_are_the_models(tmp_path: Path, size: int) -> None:
    first, count = slice_bounds(size, 0.35, 0.75)
    config = {"slice_range": [first / size, (first + count) / size], "size": size, "fov": 199.9, "max_timestep": 300}
    (tmp_path / "config.json").write_text(json.dumps(config))
    record = ScanRecord("a", "a", "CN", "test", 16, 0, 1, 192.0, "")
    with pytest.raises(InputError, match=r"slice it with --size") as refusal:
        check_use(tmp_path, record, 0)
    options = str(refusal.value).split("slice it with ")[1].split()
    given = ["a.nii", "--scan", "a", "--subject", "a", "--label", "CN", "--out", "out", *options]
    values = slice_scan.make_context("slice", given, resilient_parsing=True).params
    bounds = slice_bounds(values["size"], *values["slice_range"])
    check_use(tmp_path, replace(record, size=size, first=bounds[0], count=bounds[1], fov=values["fov"]), 0)
