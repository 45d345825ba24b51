"""Runs of the pipeline that many tests look at."""

import pytest

from runs import Run, Shared, succeed, write_sheet


@pytest.fixture(scope="session")
def stub_run(shared: Shared) -> Run:
    """The whole graph with stubs, on a sheet that they do not read."""
    return shared("stub", lambda folder: succeed(folder, "-stub-run", "--input", str(write_sheet(folder))))
