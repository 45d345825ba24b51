"""What parameters become: the same however they are given, under either parser of Nextflow, in any environment."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from phantoms import write_head
from runs import STRICT, STUB, TYPES, Run, all_as_text, going_on, nextflow, succeed, write_sheet


def recorded(run: Run, outdir: str = "results") -> dict[str, Any]:
    """Return the parameters that the run was made with."""
    return json.loads((run.folder / outdir / "pipeline_info/params.json").read_text())


def refusal(run: Run) -> list[str]:
    assert run.status != 0
    assert "Submitted process" not in run.output
    return [line for line in run.output.splitlines() if line.startswith(("parameter ", "some path "))]


def test_text_and_typed_values_are_the_same_tasks(stub_run: Run, tmp_path: Path) -> None:
    file = all_as_text(tmp_path, recorded(stub_run))
    again = succeed(tmp_path, *STUB, *going_on(stub_run, tmp_path), "-params-file", str(file))
    assert set(again.tasks().values()) == {"CACHED"}


def test_values_of_the_command_line_are_what_was_written_in_any_locale(tmp_path: Path) -> None:
    folder = tmp_path / "tête"
    folder.mkdir()
    write_head(folder / "T1, left.NII.GZ")
    sheet = write_sheet(folder, '"a","a","T1, left.NII.GZ","CN"')
    run = succeed(
        tmp_path,
        *(*STUB, "--input", str(sheet), "--outdir", "2024", "--pseudonymise"),
        *("--pseudonym_salt", "01234567890123456789", "--learning_rate", "1e-4", "--seed", "08", "--tune", "false"),
        *("--queue", "1e3", "--cluster_options=--qos=long", "--checkpoints", "2025"),
        *("--max_cpus", "99", "--max_memory", "900.GB", "--weight_decay", "1e400"),
        environment=os.environ | {"LC_ALL": "C"},
    )
    found = recorded(run, "2024")
    assert found["pseudonym_salt"] == "01234567890123456789"
    assert found["queue"] == "1e3"
    assert found["cluster_options"] == "--qos=long"
    assert (found["learning_rate"], found["seed"], found["tune"]) == (1e-4, 8, False)
    assert found["weight_decay"] in ("1e400", "Infinity")
    assert all(type(found[name]) is bool for name, kind in TYPES.items() if kind == "boolean")
    assert (tmp_path / "2025").is_dir()
    assert not {process for process, _ in run.tasks("2024")} & {"TUNE", "CHOOSE"}
    # A changed image is checked again
    [check] = [Path(row["workdir"]) for row in run.trace("2024") if row["process"] == "CHECK"]
    assert [path.name for path in check.glob("scans/*/*")] == ["T1, left.NII.GZ", "samplesheet.csv"]


@pytest.mark.parametrize(
    ("given", "lines"),
    [
        (
            (
                *("--cluster_options", "--qos=long", "--outdir", "007", "--account", "0123"),
                *("--metrics", "ssim", "psnr", "—resume", "--queue"),
            ),
            [
                "parameter 'psnr': stands alone, and belongs to no parameter",
                "parameter '—resume': stands alone",
                "parameter queue: has no value",
                "parameter cluster_options: has no value",
                "parameter outdir: '007' reaches Nextflow as 7; write ./007",
                "parameter account: '0123' reaches Nextflow as 123; give it in a -params-file",
            ],
        ),
        (
            ("-profile", "slurm,", "cuda", "-output-dir", "mine", "--outdir=~/mine", "--queue", "--account", "brain"),
            [
                "parameter 'cuda': stands alone",
                "parameter -output-dir: is Nextflow's own and not read here; give --outdir",
                "parameter queue: has no value",
                "parameter outdir: '~/mine' would be a folder of the name ~",
            ],
        ),
    ],
    ids=["values", "options"],
)
def test_lost_values_are_reported(given: tuple[str, ...], lines: list[str], tmp_path: Path) -> None:
    found = refusal(nextflow(tmp_path, "--simulate", "5", *given))
    assert len(found) == len(lines)
    assert all(text.startswith(line) for text, line in zip(found, lines, strict=True)), found


GIVEN = {"outdir": "mine", "queue_size": 5, "executor": "local"}
"""What Nextflow reads before any of our code, outside closures."""


def test_what_files_set_is_obeyed_or_reported(tmp_path: Path) -> None:
    arguments = (*STUB, "--input", str(write_sheet(tmp_path)))
    config = tmp_path / "site.config"
    config.write_text("params { gpus = 4; max_cpus = 1; bids = true; checkpoints = 'kept' }")
    file = tmp_path / "given.json"
    file.write_text(json.dumps(GIVEN))
    run = succeed(tmp_path, *arguments, "-c", str(config), "-params-file", str(file), "--poll_interval", "9s")
    [train] = [Path(row["workdir"]) for row in run.trace("mine") if row["process"] == "TRAIN"]
    assert (train / "checkpoints").resolve() == tmp_path / "kept"
    assert (tmp_path / "mine/bids").is_dir()
    assert not run.outdir.exists()
    # A launch folder's own is read as one of -c is
    own = tmp_path / "nextflow.config"
    own.write_text("params { outdir = 'mine'; queue_size = 5 }")
    yaml = tmp_path / "given.yaml"
    yaml.write_text("label_codes: 2024-01-31\nseed: 010 # ten\nmax_time: 1:30:00\naccount: '0123'\n")
    mend = "give it in a -params-file"
    assert refusal(nextflow(tmp_path, *arguments, "-params-file", str(yaml))) == [
        *(
            f"parameter {name}: {text} is no text to YAML but a number of base 8, a date or a time; put it in quotes"
            for name, text in (("label_codes", "2024-01-31"), ("seed", "010"), ("max_time", "1:30:00"))
        ),
        *(
            f"parameter {name}: '{value}' comes too late from a configuration file; {mend}, or as --{name}"
            for name, value in (("outdir", "mine"), ("queue_size", "5"))
        ),
    ]


def test_what_is_given_reaches_settings_outside_closures_under_the_strict_parser(tmp_path: Path) -> None:
    file = tmp_path / "given.json"
    file.write_text(json.dumps(GIVEN))
    arguments = (*STUB, "--train_only", "--input", str(write_sheet(tmp_path)))
    given = (*arguments, "-params-file", str(file), "--poll_interval", "9s")
    succeed(tmp_path, *given, environment=os.environ | STRICT)
    assert (tmp_path / "mine/pipeline_info/trace.txt").is_file()
    assert not (tmp_path / "results").exists()


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
