"""A package is imported as far as it is used, and its names are what they would be."""

import subprocess
import sys
from pathlib import Path

import pytest

from healthward.lazy_packages import import_lazily

PACKAGE = {
    "__init__.py": "from .colour import *\nfrom .shape import shape, Square as Box\nraise ValueError",
    "colour.py": "red = 'red'\n_hidden = 0",
    "shape.py": "from own_lazy import red\nclass Square: colour = red\ndef shape(): return 'square'",
    "unused.py": "raise ValueError",
    "inner/__init__.py": "from own_lazy.inner.deep import depth\nfrom own_lazy import unused",
    "inner/deep.py": "depth = 2",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, text in PACKAGE.items():
        file = tmp_path / "own_lazy" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    import_lazily("own_lazy")
    return "own_lazy"


def test_names_are_those_that_the_package_has(package: str) -> None:
    from own_lazy import Box, inner, red, shape  # type: ignore[import-not-found]

    assert (red, Box.colour, shape(), inner.depth) == ("red", "red", "square", 2)


def test_a_function_is_not_hidden_by_the_submodule_of_its_name(package: str) -> None:
    import own_lazy.shape  # type: ignore[import-not-found]

    assert own_lazy.shape() == "square"


def test_what_it_does_not_have_it_does_not_have(package: str) -> None:
    import own_lazy

    with pytest.raises(AttributeError, match="module 'own_lazy' has no attribute 'blue'"):
        own_lazy.blue  # noqa: B018


def test_what_a_package_sets_is_set_where_that_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_setting").mkdir()
    text = "import math\nfrom own_setting.unused import never\n_level = math.floor(3.5)\nif _level: raise ValueError"
    (tmp_path / "own_setting/__init__.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    import_lazily("own_setting", sets=("own_setting",))
    import own_setting  # type: ignore[import-not-found]

    assert own_setting._level == 3


def printed(statement: str) -> str:
    """What a Python of its own prints that knows the project's code."""
    found = subprocess.run(
        [sys.executable, "-c", statement],
        env={"PYTHONPATH": str(Path(__file__).parents[2] / "bin")},
        capture_output=True,
        text=True,
        check=True,
    )
    return found.stdout


def test_a_check_starts_without_pytorch() -> None:
    statement = (
        "import sys, healthward.checks.check;"
        "from healthward.evaluation.weights import find_weights;"
        "find_weights(None); print('torch' in sys.modules)"
    )
    assert printed(statement) == "False\n"


def test_a_task_of_the_network_starts_without_what_it_does_not_need() -> None:
    statement = (
        "import sys, healthward.training.trainer, healthward.maps.reconstruction;"
        "print(*sorted({'monai.transforms', 'torch._dynamo', 'torchvision', 'matplotlib'} & set(sys.modules)));"
        "import healthward.maps.scoring;"
        "print(*sorted({'torchmetrics.text', 'torchmetrics.detection', 'sklearn.metrics'} & set(sys.modules)))"
    )
    assert printed(statement) == "\n\n"
