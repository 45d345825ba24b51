import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from healthward import sources
from healthward.sources import source_digests

BIN = Path(sources.__file__).parents[1]


def test_all_that_python_loads_for_a_training_is_part_of_it() -> None:
    code = "import sys, healthward.training; print(*(name for name in sys.modules if name.startswith('healthward.')))"
    result = subprocess.run([sys.executable, "-c", code], cwd=BIN, capture_output=True, text=True, check=True)
    loaded = {name.removeprefix("healthward.") for name in result.stdout.split()}
    assert {"training", "devices", "sampler", "volumes"} <= loaded
    assert loaded <= source_digests("training").keys()


def test_what_has_no_part_in_a_training_is_not_of_it() -> None:
    assert not {"report", "figures", "scoring", "checking"} & source_digests("training").keys()


@pytest.mark.parametrize("module", ["chosen_settings", "tuning", "comparisons", "departures", "reconstruction"])
def test_how_sheets_are_read_is_no_part_of_what_comes_after(module: str) -> None:
    assert not {"samplesheet", "split", "checking", "bids_dataset"} & source_digests(module).keys()


@pytest.mark.parametrize(
    "statement",
    [
        "import healthward.leaf",
        "import json, healthward.leaf as other",
        "from healthward import leaf",
        "from healthward import (\n    nothing,\n    leaf,\n)",
        "from healthward.leaf import thing",
        "from . import leaf",
        "from .leaf import thing",
        "def later():\n    from healthward.leaf import thing",
    ],
)
def test_every_way_to_import_counts_at_any_distance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statement) -> None:
    package = tmp_path / "healthward"
    package.mkdir()
    (package / "root.py").write_text("from healthward.between import thing\nimport root, os.path\n")
    (package / "between.py").write_text(f"{statement}\n")
    (package / "leaf.py").write_text("import healthward.root\n")
    (package / "apart.py").write_text("")
    monkeypatch.setattr(sources, "PACKAGE", package)
    before = source_digests("root")
    assert list(before) == ["between", "leaf", "root"]
    assert before["leaf"] == hashlib.sha256(b"import healthward.root\n").hexdigest()
    (package / "leaf.py").write_text("edited = True\n")
    after = source_digests("root")
    assert [name for name in before if before[name] != after[name]] == ["leaf"]
