"""What a person sees of a training: a progress bar, a line now and then in a file, and curves for TensorBoard."""

import logging
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from healthward.training.trainer import Trainer

if TYPE_CHECKING:
    from tensorboardX import SummaryWriter

LINE_SECONDS = 10.0

logger = logging.getLogger(__name__)


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

    def warn(self, line: str) -> None:
        """Tell something that a person might not expect, in the file, too."""
        if self.leads:
            logger.warning("%s", line)
            with self.file.open("a", encoding="utf-8") as lines:
                lines.write(f"{line}\n")

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


class TensorBoardLog:
    """Context manager whose `report` is called after each step and writes curves that TensorBoard shows.

    At step n stand the loss and the learning rate of the step from n to n + 1, and what a validation after n steps
    found. A continued training purges what an interruption left beyond its checkpoint, and writes it anew.

    Args:
        folder: event files are added to it.
        trainer: the training that is followed; nothing is written but where its process leads.
    """

    def __init__(self, folder: Path, trainer: Trainer) -> None:
        self.folder, self.trainer = folder, trainer
        self.writer: SummaryWriter | None = None
        self.rows = 0

    def __enter__(self) -> "TensorBoardLog":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.writer is None and self.trainer.group.leads and self.trainer.history and kind is None:
            # An interruption had left the last validation alone to be done
            self.writer = self._open(self.trainer)
        if self.writer is not None:
            self._write_validations(self.writer, self.trainer)
            self.writer.close()

    def report(self, trainer: Trainer) -> None:
        """Write the step that was just done, and validations before it."""
        if not trainer.group.leads:
            return
        new = 1
        if self.writer is None:
            self.writer, new = self._open(trainer), len(trainer.losses)
        self._write_validations(self.writer, trainer)
        for step, loss in zip(range(trainer.step - new, trainer.step), trainer.losses[-new:], strict=True):
            self.writer.add_scalar("training/loss", loss, step)
            self.writer.add_scalar("training/learning_rate", trainer.learning_rate(step), step)

    def _open(self, trainer: Trainer) -> "SummaryWriter":
        """Start an event file that takes up at the last validation: the losses since then are known."""
        from tensorboardX import SummaryWriter  # slow, and few ask for it

        self.rows, start = max(0, len(trainer.history) - 1), trainer.step - len(trainer.losses)
        return SummaryWriter(str(self.folder), purge_step=start, filename_suffix=f".{start}")

    def _write_validations(self, writer: "SummaryWriter", trainer: Trainer) -> None:
        for row in trainer.history[self.rows :]:
            for name, value in row.items():
                if name not in ("step", "loss"):
                    writer.add_scalar(f"validation/{name}", value, int(row["step"]))
        self.rows = len(trainer.history)
