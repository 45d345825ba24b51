"""Curves for TensorBoard, read back as it reads them, of trainings with and without an interruption."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tensorboardX.proto.event_pb2 import Event, SessionLog

from healthward.diffusion.model import Architecture
from healthward.imaging.slices import ScanRecord, cut, fingerprint, save_scan
from healthward.imaging.volumes import Conformed, Geometry
from healthward.training.batches import Recipe
from healthward.training.cohort import Cohort
from healthward.training.interruption import Interruption
from healthward.training.log import TensorBoardLog
from healthward.training.trainer import Trainer, train

Curves = dict[str, dict[int, float]]


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    root = tmp_path_factory.mktemp("slices")
    for number, label in enumerate(("CN", "AD")):
        cube = np.full((16, 16, 16), (number + 1) / 4, dtype=np.float32)
        stack = cut(cube, 4, 6)
        record = ScanRecord(label, label, label, "train", 16, 4, 6, 192.0, fingerprint(stack))
        geometry = Geometry((16, 16, 16), np.eye(4), np.eye(4), np.eye(4), 0.0, 1.0)
        save_scan(root / label, Conformed(cube, cube >= 0, geometry), stack, None, record)
    return Cohort.read(list(root.iterdir()))


def followed(cohort: Cohort, folder: Path, watch: Callable[[Trainer], None] = lambda _: None) -> Trainer:
    """Train seven steps with a validation after every second one; `watch` sees each step after the log."""
    architecture = Architecture((16, 16), (False, True), 1, 16, 8)
    recipe = Recipe(architecture, 7, 2, 1e-3, 2, 0.01, 0.9, 0.25, 100, 5)
    trainer = Trainer(cohort, recipe, torch.device("cpu"))

    with TensorBoardLog(folder / "curves", trainer) as log:

        def report(state: Trainer) -> None:
            log.report(state)
            watch(state)

        def validate(_: object) -> dict[str, float]:
            return {"found": 10.0 * trainer.step}

        train(trainer, folder / "checkpoint.pt", 2, validate, None, report, Interruption())
    return trainer


def curves(folder: Path) -> Curves:
    """Return (step, value) of each curve: what a later file purges is gone, and nothing is there twice."""
    found: Curves = {}
    for file in sorted((folder / "curves").iterdir()):
        data = file.read_bytes()
        while data:
            (length,) = struct.unpack("<Q", data[:8])
            event, data = Event.FromString(data[12 : 12 + length]), data[16 + length :]
            if event.session_log.status == SessionLog.START:
                found = {tag: {s: v for s, v in curve.items() if s < event.step} for tag, curve in found.items()}
            for value in event.summary.value:
                assert event.step not in found.setdefault(value.tag, {}), (value.tag, event.step)
                found[value.tag][event.step] = value.simple_value
    return found


@pytest.fixture(scope="module")
def calm(cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Curves:
    """The curves of an undisturbed training."""
    folder = tmp_path_factory.mktemp("calm")
    followed(cohort, folder)
    return curves(folder)


def test_every_step_and_validation_has_its_point(cohort: Cohort, tmp_path: Path) -> None:
    losses: list[float] = []
    trainer = followed(cohort, tmp_path, lambda state: losses.append(state.losses[-1]))
    found = curves(tmp_path)
    assert set(found) == {"training/loss", "training/learning_rate", "validation/found"}
    assert found["training/loss"] == pytest.approx(dict(enumerate(losses)))
    assert found["validation/found"] == {2: 20, 4: 40, 6: 60, 7: 70}
    assert found["training/learning_rate"][0] == pytest.approx(0.5e-3)
    assert found["training/learning_rate"][2] == pytest.approx(trainer.recipe.learning_rate)


@pytest.mark.parametrize("step", [1, 4, 5, 7])
def test_a_killed_training_goes_on_with_its_curves(cohort: Cohort, calm: Curves, tmp_path: Path, step: int) -> None:
    def die(state: Trainer) -> None:
        if state.step == step:
            raise KeyboardInterrupt

    def save_and_die(state: Trainer) -> None:
        if state.step == step:
            state.save(tmp_path / "saved" / "checkpoint.pt")
            raise KeyboardInterrupt

    for name, end in (("killed", die), ("saved", save_and_die)):
        with pytest.raises(KeyboardInterrupt):
            followed(cohort, tmp_path / name, end)
        followed(cohort, tmp_path / name)
        assert curves(tmp_path / name) == calm, name


def test_a_finished_training_adds_nothing_new(cohort: Cohort, tmp_path: Path) -> None:
    followed(cohort, tmp_path)
    before = curves(tmp_path)
    followed(cohort, tmp_path)
    assert curves(tmp_path) == before
