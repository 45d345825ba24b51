import os

# Before PyTorch is imported: threads that wait for each other crawl on a machine that does anything else.
os.environ["OMP_NUM_THREADS"] = "1"

import pytest

from runs import TEST, Run, succeed


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests counted, with `record_property`."""
    counted = [count for report in terminalreporter.getreports("passed") for count in report.user_properties]
    if counted:
        terminalreporter.section("counted")
    for what, count in counted:
        terminalreporter.write_line(f"{what}: {count}")


@pytest.fixture(scope="session")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The test profile from simulation to report, on this machine, undisturbed."""
    return succeed(tmp_path_factory.mktemp("whole"), *TEST)
