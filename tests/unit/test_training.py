import json
import math
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from healthward.diffusion.devices import select_device
from healthward.diffusion.model import Architecture
from healthward.errors import InputError
from healthward.imaging.slices import ScanRecord, cut, fingerprint, save_scan
from healthward.imaging.volumes import Conformed, Geometry
from healthward.labels import Classes
from healthward.training.batches import Batches, Recipe
from healthward.training.checkpoints import read_checkpoint, why_from_the_start
from healthward.training.cohort import Cohort
from healthward.training.group import ALONE, Group
from healthward.training.interruption import Interrupted, Interruption
from healthward.training.trainer import Noising, Trainer, train
from healthward.training.validation import Validation, sample_grid, validation_settings

CPU = torch.device("cpu")


def recipe(**changes) -> Recipe:
    values = {
        "architecture": Architecture((16, 16), (False, True), 1, 16, 8),
        "iterations": 6,
        "batch_size": 4,
        "learning_rate": 1e-3,
        "warmup": 2,
        "weight_decay": 0.01,
        "ema_decay": 0.9,
        "condition_dropout": 0.25,
        "max_timestep": 100,
        "seed": 5,
    }
    return Recipe(**{**values, **changes})


@pytest.fixture(scope="module")
def cohort(tmp_path_factory) -> Cohort:
    """Each scan's voxels are one number, by which a batch tells where its slices are from."""
    root = tmp_path_factory.mktemp("slices")
    scans = [("CN", "a", "train")] * 9 + [("CN", "b", "train"), ("AD", "c", "train"), ("CN", "d", "val")]
    for number, (label, subject, split) in enumerate(scans):
        cube = np.full((16, 16, 16), number / 16, dtype=np.float32)
        stack = cut(cube, 4, 6)
        geometry = Geometry((16, 16, 16), np.eye(4), np.eye(4), np.eye(4), 0.0, 1.0)
        record = ScanRecord(f"s{number:02d}", subject, label, split, 16, 4, 6, 192.0, fingerprint(stack))
        save_scan(root / record.scan, Conformed(cube, cube >= 0, geometry), stack, None, record)
    return Cohort.read(list(root.iterdir()))


def test_sampling_balances_classes_and_subjects_not_scans(cohort):
    batch = Batches(cohort.split("train"), recipe(batch_size=4000, condition_dropout=0.0))[0]
    scan = (batch.slices[:, 0, 0, 0] * 16).round().int()
    assert (scan == 10).float().mean() == pytest.approx(1 / 2, abs=0.03)
    assert (scan == 9).float().mean() == pytest.approx(1 / 4, abs=0.03)
    assert (scan < 9).float().mean() == pytest.approx(1 / 4, abs=0.03)
    assert ((batch.condition == 5) == (scan == 10)).all()
    assert batch.timestep.min() >= 0
    assert batch.timestep.max() == 99


def test_condition_is_hidden_as_often_as_asked(cohort):
    batch = Batches(cohort.split("train"), recipe(batch_size=4000))[0]
    assert (batch.condition == 0).float().mean() == pytest.approx(0.25, abs=0.03)


def test_batches_depend_on_seed_and_step_alone(cohort):
    first, again = (Batches(cohort.split("train"), recipe())[3] for _ in range(2))
    other = Batches(cohort.split("train"), recipe())[4]
    assert torch.equal(first.noise, again.noise)
    assert torch.equal(first.slices, again.slices)
    assert not torch.equal(first.noise, other.noise)


def test_noise_has_the_variance_of_its_timestep():
    noising = Noising(CPU)
    slices = torch.full((2, 1, 64, 64), 0.5)
    noised = noising(
        slices, torch.randn(slices.shape, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 999])
    )
    assert float(noised[0].std()) == pytest.approx(1e-2, rel=0.1)
    assert float(noised[1].std()) == pytest.approx(1, rel=0.05)


def run(
    cohort: Cohort,
    folder: Path,
    steps: Recipe,
    at: tuple[int, int] | None = None,
    interruption: Interruption | None = None,
    report: Callable[[Trainer], None] = lambda _: None,
) -> Trainer:
    """Train, sending this process a signal at a step."""
    trainer = Trainer(cohort, steps, CPU)
    settings = validation_settings(steps.max_timestep)
    validate = Validation(cohort.split("val"), steps.max_timestep, settings, steps.seed, CPU)

    def watch(state: Trainer) -> None:
        report(state)
        if at and state.step == at[0]:
            os.kill(os.getpid(), at[1])

    train(trainer, folder / "checkpoint.pt", 2, validate, None, watch, interruption or Interruption())
    return trainer


def die_at(step: int) -> Callable[[Trainer], None]:
    def report(state: Trainer) -> None:
        if state.step == step:
            raise KeyboardInterrupt

    return report


def assert_same_weights(one: Trainer, other: Trainer) -> None:
    for ours, theirs in zip(one.model().parameters(), other.model().parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_a_killed_training_ends_as_an_undisturbed_one(cohort, tmp_path):
    calm = run(cohort, tmp_path / "calm", recipe())
    with pytest.raises(KeyboardInterrupt):
        run(cohort, tmp_path / "killed", recipe(), report=die_at(5))
    resumed = run(cohort, tmp_path / "killed", recipe())
    assert resumed.step == 6
    assert resumed.history == calm.history
    assert_same_weights(resumed, calm)


# Step 4 is followed by a validation, step 5 is not
@pytest.mark.parametrize("step", [4, 5])
def test_sigterm_saves_and_the_training_ends_as_an_undisturbed_one(cohort, tmp_path, step):
    calm = run(cohort, tmp_path / "calm", recipe())
    with Interruption() as interruption, pytest.raises(Interrupted, match=f"step {step} of 6"):
        run(cohort, tmp_path / "ended", recipe(), at=(step, signal.SIGTERM), interruption=interruption)
    continued = Trainer(cohort, recipe(), CPU)
    continued.load(tmp_path / "ended/checkpoint.pt")
    assert continued.step == step
    resumed = run(cohort, tmp_path / "ended", recipe())
    assert resumed.history == calm.history
    assert_same_weights(resumed, calm)


def test_sigusr2_saves_and_goes_on(cohort, tmp_path):
    saved = []
    with Interruption() as interruption:

        def observe(state: Trainer) -> None:
            if state.step == 5:
                os.kill(os.getpid(), signal.SIGUSR2)
            if state.step == 6:
                saved.append(torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"])

        trainer = run(cohort, tmp_path, recipe(), report=observe, interruption=interruption)
    assert saved == [5]
    assert trainer.step == 6


def test_signals_act_as_before_afterwards():
    before = signal.getsignal(signal.SIGTERM)
    with Interruption():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


def test_out_of_memory_halves_what_is_computed_at_once_not_the_batch(cohort, monkeypatch, caplog):
    calm, tight = Trainer(cohort, recipe(), CPU), Trainer(cohort, recipe(), CPU)
    forward, seen = tight.network.forward, []

    def short_of_memory(x: torch.Tensor, *rest: torch.Tensor) -> torch.Tensor:
        seen.append(len(x))
        if len(x) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(x, *rest)

    monkeypatch.setattr(tight.network, "forward", short_of_memory)
    np.testing.assert_allclose(list(tight.steps(1)), list(calm.steps(1)), rtol=1e-5)
    assert seen == [4, 2, 1, 1, 1, 1]
    warned = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert warned == [
        "out of memory: going on with 2 at a time",
        "out of memory: going on with 1 at a time",
    ]
    for ours, theirs in zip(tight.network.parameters(), calm.network.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-3, atol=1e-6)


def test_fewer_slices_than_processes_are_an_input_error(cohort):
    with pytest.raises(InputError, match="4 for 5 processes"):
        Trainer(cohort, recipe(), CPU, Group(rank=0, size=5))


def test_a_sum_over_processes_leaves_every_tensor_where_it_lies(monkeypatch):
    """Two processes that hold the same, as one of them sees them."""
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda together: together.mul_(2))
    weights = [torch.nn.Parameter(torch.ones(2, 3, 4, 4)), torch.nn.Parameter(torch.ones(5))]
    weights[0].grad = torch.rand(2, 3, 4, 4).to(memory_format=torch.channels_last)
    weights[1].grad = torch.rand(5)
    tensors = [torch.tensor(3.0), *(part.grad for part in weights)]
    before, places = [part.clone() for part in tensors], [part.data_ptr() for part in tensors]
    Group(0, 2).sum(tensors)
    assert [part.data_ptr() for part in tensors] == places
    assert [part.grad.data.data_ptr() for part in weights] == places[1:]
    for part, alone in zip(tensors, before, strict=True):
        torch.testing.assert_close(part, 2 * alone)


class Recorded:
    """Like `Captured`, without a GPU: gradients go to the memory where they lay when the work was recorded."""

    def __init__(self, trainer: Trainer, example: tuple[torch.Tensor, ...]) -> None:
        self.work = trainer._learn
        self.work(*example)
        self.weights = [weights for weights in trainer.network.parameters() if weights.grad is not None]
        self.memory = [weights.grad.detach() for weights in self.weights]

    def __call__(self, *given: torch.Tensor) -> torch.Tensor:
        present = [weights.grad for weights in self.weights]
        for weights, memory in zip(self.weights, self.memory, strict=True):
            weights.grad = memory
        loss = self.work(*given)
        for weights, grad in zip(self.weights, present, strict=True):
            weights.grad = grad
        return loss


def learned(cohort: Cohort, recorded: bool, group: Group = ALONE) -> torch.Tensor:
    """Return the weights after three steps, each process's share in parts of one size."""
    trainer = Trainer(cohort, recipe(), CPU, group)
    records: list[Recorded] = []

    def replay(part: tuple[torch.Tensor, ...]) -> Recorded:
        if not records:
            records.append(Recorded(trainer, part))
        return records[0]

    if recorded:
        trainer._learning = replay
    list(trainer.steps(3))
    return torch.cat([weights.detach().flatten() for weights in trainer.network.parameters()])


def learn_as_one_of_two(rank: int, folders: list[Path], root: Path) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"file://{root}/meeting", rank=rank, world_size=2)
    cohort, group = Cohort.read(folders), Group(rank, 2)
    torch.save([learned(cohort, recorded, group) for recorded in (True, False)], root / f"{rank}.pt")
    torch.distributed.destroy_process_group()


def test_two_processes_with_recorded_steps_learn_as_two_without(cohort, tmp_path):
    torch.multiprocessing.spawn(learn_as_one_of_two, (cohort.folders, tmp_path), nprocs=2)
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2))
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[0], first[1])
    assert torch.equal(second[0], second[1])


def losing(trainer: Trainer, step: int, loss: float, factor: float) -> None:
    """Let a training go wrong at a step: its loss, and its gradients times a factor."""
    sound = trainer._learn

    def learn(*part: torch.Tensor) -> torch.Tensor:
        result = sound(*part)
        if trainer.step + 1 < step:
            return result
        for weights in trainer.network.parameters():
            if weights.grad is not None:
                weights.grad.mul_(factor)
        return torch.full_like(result, loss)

    trainer._learn = learn


@pytest.mark.parametrize(
    ("loss", "factor", "expected"),
    [
        (math.nan, 1, "the loss is nan and the norm of its gradient "),
        (math.inf, math.nan, "the loss is inf and the norm of its gradient nan"),
        (0.5, math.inf, "the loss is 0.5 and the norm of its gradient "),
        (0.5, 0, "the loss is 0.5 and the norm of its gradient 0"),
    ],
)
def test_a_step_from_which_nothing_can_be_learned_ends_the_training(cohort, tmp_path, loss, factor, expected):
    trainer, checkpoint = Trainer(cohort, recipe(), CPU), tmp_path / "checkpoint.pt"
    losing(trainer, 4, loss, factor)
    with pytest.raises(InputError, match=f"^training step 4: {expected}.*; lower --learning-rate, or look .*$"):
        train(trainer, checkpoint, 2, lambda _: {}, None, lambda _: None, Interruption())
    good = Trainer(cohort, recipe(), CPU)
    good.load(checkpoint)
    assert good.step == 2
    assert all(weights.isfinite().all() for weights in good.network.parameters())


def test_processes_divide_a_batch_among_them(cohort):
    train = cohort.split("train")
    whole = Batches(train, recipe())[3]
    shares = [Batches(train, recipe(), Group(rank, 3))[3] for rank in range(3)]
    assert [len(share.slices) for share in shares] == [2, 1, 1]
    for rank, share in enumerate(shares):
        for part, all_rows in zip(vars(share).values(), vars(whole).values(), strict=True):
            assert torch.equal(part, all_rows[rank::3])


def test_a_finished_training_is_not_redone(cohort, tmp_path):
    run(cohort, tmp_path, recipe())
    again = run(cohort, tmp_path, recipe(), report=die_at(1))
    assert again.step == 6


def test_training_lowers_the_loss(cohort, tmp_path):
    trainer = Trainer(cohort, recipe(iterations=40), CPU)
    train(trainer, tmp_path / "checkpoint.pt", 10, lambda _: {}, None, lambda _: None, Interruption())
    assert trainer.history[-1]["loss"] < 0.8 * trainer.history[0]["loss"]
    assert [row["step"] for row in trainer.history] == [10, 20, 30, 40]


def test_the_time_allowed_ends_a_training(cohort, tmp_path):
    trainer = Trainer(cohort, recipe(iterations=10_000), CPU)
    train(trainer, tmp_path / "checkpoint.pt", 5000, lambda _: {}, 0.2, lambda _: None, Interruption())
    assert 0 < trainer.step < 10_000
    assert len(trainer.history) == 1


def test_the_key_tells_trainings_apart(cohort):
    keys = {
        Trainer(cohort, recipe(), CPU).key(),
        Trainer(cohort, recipe(seed=6), CPU).key(),
        Trainer(cohort, recipe(learning_rate=2e-3), CPU).key(),
        Trainer(Cohort(cohort.folders[1:], cohort.records[1:]), recipe(), CPU).key(),
        Trainer(Cohort(cohort.folders, cohort.records, Classes(["CN", "AD"])), recipe(), CPU).key(),
    }
    assert len(keys) == 5
    assert Trainer(cohort, recipe(), CPU).key() in keys


def test_a_label_that_is_none_of_the_classes_is_reported_before_the_training(cohort):
    with pytest.raises(InputError, match=r"has the label 'AD', none of CN, MCI; give all classes with --classes$"):
        Cohort.read(cohort.folders, Classes(["CN", "MCI"]))


def test_the_condition_of_a_slice_is_the_place_of_its_class(cohort):
    few = replace(cohort.split("train"), classes=Classes(["CN", "AD"]))
    batch = Batches(few, recipe(batch_size=400, condition_dropout=0.0))[0]
    assert set(batch.condition.tolist()) == {1, 2}
    given = Batches(cohort.split("train"), recipe(batch_size=400, condition_dropout=0.0))[0]
    assert set(given.condition.tolist()) == {1, 5}


def test_a_checkpoint_holds_what_tells_its_training_from_others(cohort, tmp_path):
    run(cohort, tmp_path, recipe())
    one, other = Trainer(cohort, recipe(), CPU), Trainer(cohort, recipe(seed=6), CPU)
    assert read_checkpoint(tmp_path / "checkpoint.pt", CPU)["definition"] == one.definition
    reason = why_from_the_start(tmp_path / "other.pt", other.definition)
    assert str(reason).endswith("the latest checkpoint there, is of a training with seed 5 (now 6)")


def test_description_says_what_the_model_expects(cohort):
    described = json.loads(json.dumps(Trainer(cohort, recipe(), CPU).describe()))
    assert described["size"] == 16
    assert described["slice_range"] == [0.25, 0.625]
    assert described["max_timestep"] == 100
    assert described["classes"] == ["CN", "EMCI", "MCI", "LMCI", "AD"]
    assert described["training"]["scans"]["AD"] == ["s10"]
    # Nine scans of one person, and one of another
    assert described["training"]["people"] == {"CN": 2, "EMCI": 0, "MCI": 0, "LMCI": 0, "AD": 1}


def test_average_follows_the_network_and_lags(cohort):
    trainer = Trainer(cohort, recipe(iterations=30, ema_decay=0.99), CPU)
    start = [weights.detach().clone() for weights in trainer.network.parameters()]
    list(trainer.steps(30))
    now_and_average = zip(trainer.network.parameters(), trainer.model().parameters(), start, strict=True)
    pairs = [(now.detach(), average.detach(), before) for now, average, before in now_and_average]
    moved = sum(float((now - before).abs().sum()) for now, _, before in pairs)
    lag = sum(float((now - average).abs().sum()) for now, average, _ in pairs)
    assert 0 < lag < moved


def test_no_training_scan_is_an_input_error(cohort):
    with pytest.raises(InputError, match="split train"):
        Trainer(cohort.split("val"), recipe(), CPU)


def test_sample_grid_shows_input_round_trip_and_every_class(cohort):
    trainer = Trainer(cohort, recipe(), CPU)
    images, headings = sample_grid(trainer.model(), cohort.split("val"), validation_settings(100), CPU, rows=2)
    assert images.shape == (2, 7, 16, 16)
    assert headings == ["input", "round trip", "to CN", "to EMCI", "to MCI", "to LMCI", "to AD"]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device, and PyTorch sees none")
@pytest.mark.parametrize("rows", [4, 3], ids=["all at once", "in two parts"])
def test_steps_recorded_on_a_gpu_learn_as_others_and_the_same_each_time(cohort, rows):
    device = select_device("cuda")

    def trained(recorded: bool) -> torch.Tensor:
        trainer = Trainer(cohort, recipe(), device)
        trainer.portion.rows = rows
        if not recorded:
            trainer._learning = lambda part: trainer._learn
        list(trainer.steps(6))
        return torch.cat([weights.flatten() for weights in trainer.model().parameters()])

    assert torch.equal(trained(recorded=True), trained(recorded=True))
    torch.testing.assert_close(trained(recorded=True), trained(recorded=False), atol=1e-5, rtol=1e-4)
