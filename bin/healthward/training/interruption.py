"""What a scheduler's signals ask of a long computation."""

import signal
from types import FrameType, TracebackType


class Interrupted(Exception):  # noqa: N818 (no error: an end that was asked for)
    """The computation was asked to end, and has saved what it had.

    Attributes:
        status: the exit status by which a shell tells such an end.
    """

    status = 128 + signal.SIGTERM


class Interruption:
    """Context manager that notes SIGUSR2, a warning, and SIGTERM, the end, instead of dying of them.

    Attributes:
        warned: whether what is done should be saved now; whoever does it sets it back.
        ended: whether to save and end.
    """

    def __init__(self) -> None:
        self.warned = self.ended = False

    def __enter__(self) -> "Interruption":
        self._before = {number: signal.signal(number, self._note) for number in (signal.SIGUSR2, signal.SIGTERM)}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGTERM:
            self.ended = True
        else:
            self.warned = True
