import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from healthward.training import sources
from healthward.training.sources import source_digests

BIN = Path(sources.__file__).parents[2]


def test_all_that_python_loads_for_a_training_is_part_of_it() -> None:
    loads = "import sys, healthward.training.trainer"
    code = f"{loads}; print(*(name for name in sys.modules if name.startswith('healthward.')))"
    result = subprocess.run([sys.executable, "-c", code], cwd=BIN, capture_output=True, text=True, check=True)
    loaded = {name.removeprefix("healthward.") for name in result.stdout.split()}
    assert {"training.trainer", "diffusion.devices", "diffusion.sampler", "imaging.volumes"} <= loaded
    rooms = {name.partition(".")[0] for name in loaded if "." in name}
    # How libraries are imported changes no number
    assert loaded - rooms - {"lazy_packages"} <= source_digests("training.trainer").keys()


def test_what_has_no_part_in_a_training_is_not_of_it() -> None:
    rooms = {name.partition(".")[0] for name in source_digests("training.trainer")}
    assert not {"report", "cohort", "norms", "maps", "checks"} & rooms


@pytest.mark.parametrize(
    "module", ["maps.chosen_settings", "maps.tuning", "cohort.comparisons", "cohort.departures", "maps.reconstruction"]
)
def test_how_sheets_are_read_is_no_part_of_what_comes_after(module: str) -> None:
    assert (
        not {"inputs.samplesheet", "inputs.split", "inputs.bids_dataset", "checks.check"}
        & source_digests(module).keys()
    )


@pytest.mark.parametrize(
    "statement",
    [
        "import healthward.room.leaf",
        "import json, healthward.room.leaf as other",
        "from healthward.room import leaf",
        "from healthward.room import (\n    nothing,\n    leaf,\n)",
        "from healthward.room.leaf import thing",
        "def later():\n    from healthward.room.leaf import thing",
    ],
)
def test_every_way_to_import_counts_at_any_distance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statement) -> None:
    package = tmp_path / "healthward"
    (package / "room").mkdir(parents=True)
    (package / "root.py").write_text("from healthward.between import thing\nimport root, os.path\n")
    (package / "between.py").write_text(f"{statement}\n")
    (package / "room/leaf.py").write_text("import healthward.root\n")
    (package / "apart.py").write_text("")
    monkeypatch.setattr(sources, "PACKAGE", package)
    before = source_digests("root")
    assert list(before) == ["between", "room.leaf", "root"]
    assert before["room.leaf"] == hashlib.sha256(b"import healthward.root").hexdigest()
    (package / "room/leaf.py").write_text("edited = True\n")
    after = source_digests("root")
    assert [name for name in before if before[name] != after[name]] == ["room.leaf"]


@pytest.mark.parametrize(
    ("old", "new", "restarts"),
    [
        ("Adds.", "Adds a number.", False),
        ("what is added", "the summand", False),
        ("# once", "# and no more", False),
        ("(number: int)", "(\n    number: int,\n)", False),
        ("NUMBER = 1", "NUMBER = 2", True),
        ('"too small"', '"below 0"', True),
    ],
)
def test_words_about_code_restart_no_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, restarts: bool
) -> None:
    code = '''"""Adds."""
NUMBER = 1
"""what is added"""
def add(number: int):
    """Adds."""
    assert number > 0, "too small"
    return number + NUMBER  # once
'''
    package = tmp_path / "healthward"
    package.mkdir()
    monkeypatch.setattr(sources, "PACKAGE", package)
    digests = []
    for text in (code, code.replace(old, new)):
        (package / "root.py").write_text(text)
        digests += [source_digests("root")["root"]]
    assert (digests[0] != digests[1]) == restarts
