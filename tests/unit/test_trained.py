import re
from pathlib import Path
from typing import Any

import pytest

from healthward.diffusion.trained import class_complaints, classes_of_model, compared_classes, trained_classes
from healthward.errors import InputError
from models import write_model

ALL = ("CN", "EMCI", "MCI", "LMCI", "AD")


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
    assert trained_classes({"training": training}, 6) == seen


@pytest.mark.parametrize(("conditions", "known"), [(6, ALL), (9, ALL), (3, ("CN", "EMCI")), (1, ()), (0, ())])
def test_a_pair_of_files_knows_the_classes_of_its_embedding(tmp_path: Path, conditions: int, known: tuple) -> None:
    (tmp_path / "x.pt").touch()
    assert classes_of_model(tmp_path / "x.pt", conditions) == known


def test_a_folder_is_asked(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", training={"people": {"CN": 2, "MCI": 1}})
    assert classes_of_model(model, 6) == ("CN", "MCI")
    assert classes_of_model(model, 3) == ("CN",)


@pytest.mark.parametrize(
    ("trained", "healthy", "disease", "chosen"),
    [
        (ALL, "CN", None, "AD"),
        (("CN", "EMCI", "LMCI"), "CN", None, "LMCI"),
        (("CN", "EMCI", "LMCI"), "CN", "EMCI", "EMCI"),
        (("EMCI", "AD"), "AD", None, "EMCI"),
    ],
)
def test_the_most_severe_class_that_was_trained_on_is_looked_for(trained, healthy, disease, chosen) -> None:
    assert class_complaints(healthy, disease, trained) == []
    assert compared_classes(healthy, disease, trained) == (healthy, chosen)


@pytest.mark.parametrize(
    ("trained", "healthy", "disease", "line"),
    [
        (("CN", "MCI"), "CN", "AD", "--disease: 'AD' was not trained on; give one of CN, MCI"),
        (("CN", "MCI"), "EMCI", None, "--healthy: 'EMCI' was not trained on; give one of CN, MCI"),
        (("CN",), "CN", None, "--healthy: 'CN' is the only class that was trained on; give a model that knows another"),
        ((), "CN", None, "--healthy: 'CN' was not trained on; give another model"),
        (ALL, "AD", "AD", "--disease: 'AD' is the healthy class, too; give another one"),
    ],
)
def test_a_class_that_was_not_trained_on_is_refused(trained, healthy, disease, line) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(line)}"):
        compared_classes(healthy, disease, trained)
