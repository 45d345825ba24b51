"""A user's mistakes: clean lines, a failed run, and nothing computed."""

from pathlib import Path

from runs import nextflow


def test_missing_files_are_named(tmp_path: Path) -> None:
    run = nextflow(tmp_path, "--input", "it's not here.csv", "--weights", "nor this")
    assert run.status != 0
    assert {process for process, _ in run.tasks()} <= {"CHECK", "CHECK_PARAMETERS"}
    assert "Caused by" not in run.output
    # After Nextflow's own heading
    said = run.output.rpartition("Submitted process")[2].splitlines()[1:]
    assert any("it's not here.csv" in line for line in said)
    assert any("nor this' is no folder" in line for line in said)
