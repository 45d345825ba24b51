"""What parameters become: the same however they are given, under either parser of Nextflow, in any environment."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from phantoms import write_head
from runs import STRICT, TYPES, Run, all_as_text, going_on, nextflow, succeed, write_sheet


def recorded(run: Run, outdir: str = "results") -> dict[str, Any]:
    """Return the parameters that the run was made with."""
    return json.loads((run.folder / outdir / "pipeline_info/params.json").read_text())


def refusal(run: Run) -> list[str]:
    assert run.status != 0
    assert "Submitted process" not in run.output
    return [line for line in run.output.splitlines() if line.startswith(("parameter ", "some path "))]


def test_text_and_typed_values_are_the_same_tasks(stub_run: Run, tmp_path: Path) -> None:
    file = all_as_text(tmp_path, recorded(stub_run))
    again = succeed(tmp_path, "-stub-run", *going_on(stub_run, tmp_path), "-params-file", str(file))
    assert set(again.tasks().values()) == {"CACHED"}


def test_numbers_of_the_command_line_keep_what_was_written(tmp_path: Path) -> None:
    write_head(tmp_path / "T1, left.NII.GZ")
    sheet = write_sheet(tmp_path, '"a","a","T1, left.NII.GZ","CN"')
    run = succeed(
        tmp_path,
        *("-stub-run", "--input", str(sheet), "--outdir", "2024", "--pseudonymise"),
        *("--pseudonym_salt", "01234567890123456789", "--learning_rate", "1e-4", "--seed", "08", "--tune", "false"),
        *("--queue", "1e3", "--cluster_options=--qos=long"),
    )
    found = recorded(run, "2024")
    assert found["pseudonym_salt"] == "01234567890123456789"
    assert found["queue"] == "1e3"
    assert found["cluster_options"] == "--qos=long"
    assert (found["learning_rate"], found["seed"], found["tune"]) == (1e-4, 8, False)
    assert all(type(found[name]) is bool for name, kind in TYPES.items() if kind == "boolean")
    assert not {process for process, _ in run.tasks("2024")} & {"TUNE", "CHOOSE"}
    # A changed image is checked again
    [check] = [Path(row["workdir"]) for row in run.trace("2024") if row["process"] == "CHECK"]
    assert [path.name for path in check.glob("scans/*/*")] == ["T1, left.NII.GZ", "samplesheet.csv"]


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (("--cluster_options", "--qos=long"), "parameter cluster_options: has no value"),
        (("--queue", "--account", "brain"), "parameter queue: has no value"),
        (("--outdir", "007"), "parameter outdir: '007' reaches Nextflow as 7; write ./007"),
        (("--account", "0123"), "parameter account: '0123' reaches Nextflow as 123; give it in a -params-file"),
        (("--metrics", "ssim", "psnr"), "parameter 'psnr': stands alone, and belongs to no parameter"),
        (("-profile", "slurm,", "cuda"), "parameter 'cuda': stands alone"),
        (("—resume",), "parameter '—resume': stands alone"),
        (("-output-dir", "mine"), "parameter -output-dir: is Nextflow's own and not read here; give --outdir"),
        (("--outdir=~/mine",), "parameter outdir: '~/mine' would be a folder of the name ~"),
    ],
)
def test_lost_values_are_reported(given: tuple[str, ...], line: str, tmp_path: Path) -> None:
    [found] = refusal(nextflow(tmp_path, "--simulate", "5", *given))
    assert found.startswith(line)


def test_text_that_is_none_to_yaml_is_reported(tmp_path: Path) -> None:
    file = tmp_path / "given.yaml"
    file.write_text("simulate: 5\noutdir: 2024-01-31\nseed: 010 # ten\nmax_time: 1:30:00\naccount: '0123'\n")
    assert refusal(nextflow(tmp_path, "-params-file", str(file))) == [
        f"parameter {name}: {text} is no text to YAML but a number of base 8, a date or a time; put it in quotes"
        for name, text in (("outdir", "2024-01-31"), ("seed", "010"), ("max_time", "1:30:00"))
    ]


def test_what_a_config_file_sets_is_obeyed_or_reported(tmp_path: Path) -> None:
    arguments = ("-stub-run", "--input", str(write_sheet(tmp_path)))
    config = tmp_path / "site.config"
    config.write_text("params { gpus = 4; max_cpus = 1; bids = true; checkpoints = 'kept' }")
    run = succeed(tmp_path, *arguments, "-c", str(config))
    [train] = [Path(row["workdir"]) for row in run.trace() if row["process"] == "TRAIN"]
    assert (train / "checkpoints").resolve() == tmp_path / "kept"
    assert (run.outdir / "bids").is_dir()
    # A launch folder's own is read as one of -c is
    own = tmp_path / "nextflow.config"
    own.write_text("params { outdir = 'mine'; queue_size = 5 }")
    mend = "give it in a -params-file"
    assert refusal(nextflow(tmp_path, *arguments)) == [
        f"parameter {name}: '{value}' comes too late from a configuration file; {mend}, or as --{name}"
        for name, value in (("outdir", "mine"), ("queue_size", "5"))
    ]


@pytest.mark.parametrize("parser", [{}, STRICT], ids=["24.10", "strict"])
def test_what_is_given_reaches_settings_outside_closures(parser: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "given.json"
    file.write_text(json.dumps({"outdir": "mine", "queue_size": 5, "executor": "local"}))
    given = ("-stub-run", "--input", str(write_sheet(tmp_path)), "-params-file", str(file), "--poll_interval", "9s")
    succeed(tmp_path, *given, environment=os.environ | parser)
    assert (tmp_path / "mine/pipeline_info/trace.txt").is_file()
    assert not (tmp_path / "results").exists()


def test_limits_beyond_this_machine_and_numbers_beyond_json(tmp_path: Path) -> None:
    given = ("--max_cpus", "99", "--max_memory", "900.GB", "--learning_rate", "1e400", "--checkpoints", "2024")
    run = succeed(tmp_path, "-stub-run", "--input", str(write_sheet(tmp_path)), *given)
    assert recorded(run)["learning_rate"] in ("1e400", "Infinity")
    assert (tmp_path / "2024").is_dir()


def test_letters_beyond_the_locale_work(tmp_path: Path) -> None:
    folder = tmp_path / "tête"
    folder.mkdir()
    succeed(tmp_path, "-stub-run", "--input", str(write_sheet(folder)), environment=os.environ | {"LC_ALL": "C"})


def test_nextflow_in_a_locale_without_these_letters_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "tête"
    folder.mkdir()
    # A user's own launcher leaves the locale as it is; ours is made to take it for a good one
    locale = tmp_path / "bin/locale"
    locale.parent.mkdir()
    locale.write_text("#!/bin/sh\necho UTF-8\n")
    locale.chmod(0o755)
    environment = os.environ | {"LC_ALL": "C", "PATH": f"{locale.parent}:{os.environ['PATH']}"}
    [line] = refusal(nextflow(tmp_path, "--input", str(write_sheet(folder)), environment=environment))
    assert line.endswith("begin the line with LC_ALL=C.UTF-8")
