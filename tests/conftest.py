import os

# Before PyTorch is imported: threads that wait for each other crawl on a machine that does anything else.
os.environ["OMP_NUM_THREADS"] = "1"

import pytest

from runs import TEST, Run, succeed


@pytest.fixture(scope="session")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The test profile from simulation to report, on this machine, undisturbed."""
    return succeed(tmp_path_factory.mktemp("whole"), *TEST)
