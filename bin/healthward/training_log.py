"""What a person sees of a training: a progress bar on a terminal, and a line now and then in a file to follow."""

import time
from pathlib import Path
from types import TracebackType

import numpy as np
from tqdm import tqdm

from healthward.training import Trainer

LINE_SECONDS = 10.0


class TrainingLog:
    """Context manager whose `report` is called after each step; silent but where the process leads.

    Args:
        file: lines are appended to it.
        trainer: the training that is followed.
    """

    def __init__(self, file: Path, trainer: Trainer) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self.file, self.total = file, trainer.recipe.iterations
        self.last_line, self.leads = 0.0, trainer.group.leads

    def __enter__(self) -> "TrainingLog":
        self.bar = tqdm(total=self.total, desc="training", unit="step", disable=None if self.leads else True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.bar.close()

    def report(self, trainer: Trainer) -> None:
        """Show the step, the mean loss of the last hundred steps and the time left."""
        if not self.leads:
            return
        loss = float(np.mean(trainer.losses[-100:]))
        self.bar.set_postfix(loss=f"{loss:.4f}", refresh=False)
        self.bar.update(trainer.step - self.bar.n)
        finished = trainer.step == self.total
        if time.monotonic() - self.last_line > LINE_SECONDS or finished:
            left = trainer.seconds / trainer.step * (self.total - trainer.step)
            with self.file.open("a") as lines:
                lines.write(
                    f"training: step {trainer.step} of {self.total}, loss {loss:.4f}, "
                    f"{left // 60:.0f} min {left % 60:02.0f} s left\n"
                )
            self.last_line = time.monotonic()
