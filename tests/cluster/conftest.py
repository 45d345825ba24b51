"""A SLURM cluster for the tests here, and the runs that they look at."""

from collections.abc import Iterator

import pytest
from slurm import Cluster, missing

from requirements import need


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    need("slurm", missing())
    nodes = Cluster()
    try:
        nodes.start()
        yield nodes
    finally:
        nodes.stop()
