"""What a test needs of the machine: without, it is skipped with a line that says so, or fails where it is required."""

import os
from collections.abc import Sequence

import pytest

REQUIRED = os.environ.get("HEALTHWARD_REQUIRED", "").split()
"""What may not be absent, such as "slurm docker"."""


def need(what: str, missing: Sequence[str]) -> None:
    """Skip the test, or fail where `what` is required, if anything is missing."""
    if missing:
        reason = f"{what}: this machine lacks {', '.join(missing)}"
        if what in REQUIRED:
            pytest.fail(reason)
        pytest.skip(reason)
