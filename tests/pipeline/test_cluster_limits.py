"""What SLURM can never give is reported before a submission: stand-ins for its commands say what a cluster has."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from runs import PROJECT, STUB, Run, launch, nextflow, write_sheet

PARTITIONS = """\
PartitionName=main Default=YES QoS=N/A MaxTime=UNLIMITED MaxCPUsPerNode=UNLIMITED MaxMemPerNode=UNLIMITED TotalNodes=3
PartitionName=small Default=NO QoS=N/A MaxTime=01:00:00 MaxCPUsPerNode=UNLIMITED MaxMemPerNode=3000 TotalNodes=2
PartitionName=cloud Default=NO QoS=N/A MaxTime=00:10:00 MaxCPUsPerNode=1 MaxMemPerNode=UNLIMITED TotalNodes=40
"""
NODES = """\
main|32|128000|gpu:a100:4(S:0-1)
main|32|128000|(null)
main|16|500000|gpu:2,nvme:1
small|2|6000|(null)
small|2|6000|(null)
cloud|1|1000|(null)
"""


def site(folder: Path) -> dict[str, str]:
    """Return the environment of a machine whose SLURM says this, and whose sbatch takes no job."""
    programs = folder / "slurm"
    programs.mkdir()
    for name, script in {
        "scontrol": f'[ $2 = config ] && echo "JobSubmitPlugins = (null)" && exit\ncat <<"END"\n{PARTITIONS}END',
        "sinfo": f"cat <<'END'\n{NODES}END",
        "sbatch": "echo no job is taken here >&2; exit 1",
    }.items():
        (programs / name).write_text(f"#!/bin/bash\n{script}\n")
        (programs / name).chmod(0o755)
    return os.environ | {"PATH": f"{programs}:{os.environ['PATH']}"}


def started(folder: Path, *arguments: str) -> Run:
    """Start a run that reaches its first job, where the cluster is asked, at most."""
    line = (*STUB, "-profile", "slurm", "--input", str(write_sheet(folder)), *arguments)
    return nextflow(folder, *line, environment=site(folder))


def refusal(run: Run) -> list[str]:
    assert run.status != 0
    assert "Submitted process" not in run.output
    assert "no job is taken here" not in run.output
    return [line for line in run.output.splitlines() if line.startswith("parameter ")]


def test_what_no_node_has_is_reported_with_what_would_help(tmp_path: Path) -> None:
    cpus, memory, time = refusal(started(tmp_path, "--queue", "small"))
    assert cpus == (
        "parameter max_cpus: 16 processors (TRAIN), 4 processors (NORM, AGGREGATE) would wait for ever in partition "
        "small, which gives a job 2 processors at most; give --max_cpus 2, or another --queue"
    )
    assert memory.startswith(
        "parameter max_memory: 3 GB (PREPARE, SLICE, RECONSTRUCT, MAP, SCORE, CALIBRATE), 12 GB (TRAIN)"
    )
    assert memory.endswith("gives a job 3000 MB at most; give --max_memory 3000.MB, or another --queue")
    assert time.startswith("parameter max_time: 2 h (CHECK, ")
    assert time.endswith("gives a job 1 h at most; give --max_time 1.h, or another --queue")


def test_what_a_site_has_set_right_is_not_refused(tmp_path: Path) -> None:
    (tmp_path / "site.config").write_text("""
        process {
            resourceLimits = [cpus: 2, memory: 2.GB, time: 30.min]
            withLabel: cohort { queue = 'main'; cpus = 1; memory = 2.GB; time = '1h' }
        }
    """)
    run = started(tmp_path, "--queue", "small", "-c", str(tmp_path / "site.config"))
    assert [line for line in run.output.splitlines() if line.startswith("parameter ")] == []
    assert "no job is taken here" in run.output, run.output


HARNESS = """
include {{ beyond ; hasGpus ; minutesOf ; option ; partitionsOf ; requestOf ; selects }} from '{project}/modules/cluster'
include {{ processesOf }} from '{project}/modules/place'

def asked(queues, more = [:]) {{
    return [process: 'TRAIN', attempt: 1, queues: queues, max_cpus: 16, max_memory: 12288, max_time: 2880, gpus: null] + more
}}

workflow {{
    def described = file('partitions').text
    def listed = file('nodes').text
    def partitions = partitionsOf(described, listed)
    def smaller = partitionsOf(described, listed.replace('128000', '14000').replace('500000', '20000'))
    println(groovy.json.JsonOutput.toJson([
        gpus: [
            ['--gres=gpu:2', 'gpu:2'], ['--gres=gpu:3', 'gpu:2'], ['--gres=gpu:a100:2', 'gpu:a100:4(S:0-1),nvme:1'],
            ['--gres=gpu:v100:1', 'gpu:a100:4'], ['--gpus=4', 'gpu:a100:2,gpu:v100:2'], ['--gpus=1', '(null)'],
            ['--gres=gpu', '(null)'], [null, '(null)'],
        ].collect {{ request, offered -> hasGpus(request, offered) }},
        minutes: ['01:30:00', '2-00:00:00', 'UNLIMITED', null].collect {{ text -> minutesOf(text) }},
        options: [option('max_cpus', 2), option('max_memory', 6144), option('max_memory', 6000), option('max_time', 90), option('max_time', 120)],
        selected: [selects('a|b', ['b']), selects('a', ['b']), selects('!a', ['b']), selects('!a', ['a', 'b'])],
        processes: processesOf([simulate: 5, tune: true, bids: true]),
        mapping: processesOf([input: 'x', simulate: 5, model: 'm']).keySet(),
        nowhere: partitionsOf('MaxNodes', ''),
        elsewhere: [
            requestOf([executor: 'slurm', clusterOptions: '--partition=main'], 'TRAIN', [], 1), requestOf([executor: 'local'], 'TRAIN', [], 1)
        ],
        lines: [
            unknown: beyond([asked(['long'])], partitions),
            gpus: beyond([asked(['main'], [gpus: '--gres=gpu:a100:8'])], partitions),
            either: beyond([asked(['small', 'main'])], partitions),
            hidden: beyond([asked(['cloud'])], partitions),
            silent: beyond([asked(['main'], [max_cpus: 99])], partitionsOf(described, 'slurm_load_partitions: Unable to contact slurm')),
            retry: beyond([asked(['main']), asked(['main'], [attempt: 2, max_memory: 24576])], smaller),
        ],
        training: processesOf([input: 'x', train_only: true]).keySet(),
    ]))
}}
"""  # noqa: E501


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the functions behind these lines return for some values, in one start of Nextflow."""
    folder = tmp_path_factory.mktemp("harness")
    (folder / "partitions").write_text(PARTITIONS)
    (folder / "nodes").write_text(NODES)
    (folder / "main.nf").write_text(HARNESS.format(project=PROJECT))
    output, _ = launch(folder, "run", "main.nf", "-ansi-log", "false").communicate()
    return json.loads(output[output.index("{") :].splitlines()[0])


def test_unknown_partition_is_reported_with_those_that_there_are(answers: dict[str, Any]) -> None:
    text = "parameter queue: 'long' is no partition of this cluster; give cloud or main or small"
    assert answers["lines"]["unknown"] == [{"later": False, "text": text}]


def test_gpus_that_no_node_has_are_reported(answers: dict[str, Any]) -> None:
    [line] = answers["lines"]["gpus"]
    assert line["text"].startswith("parameter queue: 16 processors with 12 GB and --gres=gpu:a100:8 (TRAIN) would wait")
    assert "32 processors with 125 GB and gpu:a100:4(S:0-1) or " in line["text"]


@pytest.mark.parametrize("case", ["either", "hidden", "silent"])
def test_what_may_run_is_not_refused(case: str, answers: dict[str, Any]) -> None:
    assert answers["lines"][case] == []


def test_what_says_more_of_its_place_or_is_no_slurm_is_not_judged(answers: dict[str, Any]) -> None:
    assert answers["nowhere"] == {}
    assert answers["elsewhere"] == [None, None]


def test_attempt_that_would_wait_for_ever_is_for_a_warning(answers: dict[str, Any]) -> None:
    [warning] = answers["lines"]["retry"]
    assert warning["later"] is True
    assert "parameter max_memory: 24 GB (TRAIN, attempt 2) would wait for ever in partition main" in warning["text"]
    assert "give --max_memory 20000.MB" in warning["text"]


def test_gpus_are_counted_by_their_type(answers: dict[str, Any]) -> None:
    assert answers["gpus"] == [True, False, True, False, True, False, True, True]


def test_amounts_are_read_and_given_in_the_units_of_each(answers: dict[str, Any]) -> None:
    assert answers["minutes"] == [90, 2880, None, None]
    assert answers["options"] == ["2", "6.GB", "6000.MB", "90.m", "2.h"]


def test_selectors_are_read_as_nextflow_reads_them(answers: dict[str, Any]) -> None:
    assert answers["selected"] == [True, False, True, False]


def test_every_process_of_a_run_is_asked_for_with_its_labels(answers: dict[str, Any]) -> None:
    declared = {}
    for path in (PROJECT / "modules").glob("*.nf"):
        lines = path.read_text(encoding="utf-8").splitlines()
        for name in [line.split()[1] for line in lines if line.startswith("process ")]:
            declared[name] = [line.split("'")[1] for line in lines if line.strip().startswith("label '")]
    assert answers["processes"] == declared | {"CHECK_PARAMETERS": declared["CHECK"]}
    mapping = {"CHECK", "PREPARE", "GATE", "SLICE", "RECONSTRUCT", "MAP", "SCORE", "NORM", "CALIBRATE", "AGGREGATE"}
    assert set(answers["mapping"]) == mapping
    assert set(answers["training"]) == {"CHECK", "PREPARE", "GATE", "SLICE", "TRAIN"}
