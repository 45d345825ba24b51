import os
from pathlib import Path
from typing import Any

import pytest
import torch

from healthward.errors import InputError
from healthward.training.checkpoints import read_checkpoint, why_from_the_start, write_checkpoint

RECIPE = {"iterations": 900, "architecture": {"channels": (16, 16), "attention_levels": (False, True)}}
CODE = {"model": "1", "group": "2"}
OURS: dict[str, Any] = {"recipe": RECIPE, "data": "aa", "device": "cpu", "PyTorch": "2.15", "code": CODE}


def reason(folder: Path, theirs: dict[str, Any] | None) -> str:
    """Return what a training of OURS says beside a checkpoint of another one."""
    if theirs is None:
        torch.save({"step": 3}, folder / "theirs.pt")
    else:
        write_checkpoint(folder / "theirs.pt", {"step": 3}, theirs)
    said = why_from_the_start(folder / "ours.pt", OURS)
    start = f"training from the start: {folder / 'theirs.pt'}, the latest checkpoint there, is "
    assert said is not None
    assert said.startswith(start)
    return said.removeprefix(start)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"recipe": RECIPE | {"iterations": 500}}, "iterations 500 (now 900)"),
        (
            {"recipe": RECIPE | {"architecture": {"channels": (8, 16, 16), "attention_levels": (False, True, True)}}},
            "channels 8,16,16 (now 16,16), attention_levels 0,1,1 (now 0,1)",
        ),
        ({"recipe": RECIPE | {"dropped": 7}}, "dropped 7 (now absent)"),
        ({"data": "bb"}, "other scans, or other voxels, labels or subjects of them"),
        ({"device": "cuda"}, "device cuda (now cpu)"),
        ({"PyTorch": "2.6"}, "PyTorch 2.6 (now 2.15)"),
        ({"code": {"model": "1", "group": "9", "gone": "3"}}, "another version of the code (group.py, gone.py)"),
        ({"device": "mps", "PyTorch": "2.6"}, "device mps (now cpu), PyTorch 2.6 (now 2.15)"),
    ],
)
def test_a_checkpoint_that_is_not_continued_says_why(tmp_path: Path, change: dict[str, Any], expected: str) -> None:
    assert reason(tmp_path, OURS | change) == f"of a training with {expected}"


@pytest.mark.parametrize("theirs", [None, {}, {"recipe": RECIPE}, OURS])
def test_no_reason_is_made_up(tmp_path: Path, theirs: dict[str, Any] | None) -> None:
    assert reason(tmp_path, theirs) == "of another training and does not tell in what it differs"


def test_the_latest_checkpoint_is_compared(tmp_path: Path) -> None:
    for age, seed in ((200, 1), (100, 2), (300, 3)):
        file = tmp_path / f"{seed}.pt"
        write_checkpoint(file, {}, OURS | {"recipe": RECIPE | {"seed": seed}})
        os.utime(file, (1e9 - age, 1e9 - age))
    (tmp_path / "half.pt.77").write_bytes(b"another process writes this one")
    assert "seed 2 (now absent)" in str(why_from_the_start(tmp_path / "ours.pt", OURS))


def test_nothing_is_said_of_a_training_that_goes_on_or_of_the_first(tmp_path: Path) -> None:
    assert why_from_the_start(tmp_path / "ours.pt", OURS) is None
    assert why_from_the_start(tmp_path / "absent/ours.pt", OURS) is None
    write_checkpoint(tmp_path / "ours.pt", {}, OURS)
    write_checkpoint(tmp_path / "theirs.pt", {}, OURS | {"data": "bb"})
    assert why_from_the_start(tmp_path / "ours.pt", OURS) is None


@pytest.mark.parametrize("content", [b"", b"rubbish", None])
def test_a_damaged_checkpoint_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "theirs.pt"
    write_checkpoint(file, {"weights": torch.zeros(1000)}, OURS)
    file.write_bytes(file.read_bytes()[:2000] if content is None else content)
    with pytest.raises(InputError, match=r"theirs.pt: damaged \(.*; remove it, and the training starts"):
        read_checkpoint(file, torch.device("cpu"))
    assert str(why_from_the_start(tmp_path / "ours.pt", OURS)).endswith("is damaged or cannot be opened")
