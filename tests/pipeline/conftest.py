"""Runs of the pipeline that many tests look at."""

from collections.abc import Iterator

import pytest

from runs import Run, Shared, succeed, write_sheet


@pytest.fixture(scope="session")
def stub_run(shared: Shared) -> Run:
    """The whole graph with stubs, on a sheet that they do not read."""
    return shared("stub", lambda folder: succeed(folder, "-stub-run", "--input", str(write_sheet(folder))))


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The option that has every task run in scratch; nothing is left there in the end."""
    folder = tmp_path_factory.mktemp("scratch")
    config = folder / "site.config"
    config.write_text(f"process.scratch = '{folder}/node'\n")
    yield "-c", str(config)
    assert (folder / "node").is_dir(), "no task was in scratch"
    assert list((folder / "node").iterdir()) == []
