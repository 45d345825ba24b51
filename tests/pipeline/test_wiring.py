"""The graph, its cache and its provenance, by stub runs: the tools are only asked for their help."""

import ast
import csv
import json
import re
from collections import Counter
from pathlib import Path

import pytest

from phantoms import write_head
from runs import PROJECT, STAGES, STUB, Run, copy_project, files_of, going_on, launch, succeed

BIN = PROJECT / "bin"
SIMULATED = (*STUB, "--simulate", "5", "--tune", "--bids", "--classes", "HC,SCD,DEM")
SCANS = (("cn0", "train"), ("ad0", "train"), ("cn1", "test"))
WITHOUT_A_PROCESS = ("fetch_weights", "plant")
"""Tools that no run calls."""


def test_every_stage_runs_once_for_what_it_is_for(stub_run: Run) -> None:
    assert Counter(process for process, _ in stub_run.tasks()) == STAGES
    assert ("NORM", "2 controls") in stub_run.tasks()
    # Of train-1, val-1 and test-1 the last is kept from training
    assert ("TRAIN", "2 scans") in stub_run.tasks()


def test_results_are_where_users_look_for_them(stub_run: Run) -> None:
    for name in (
        "report.html",
        "split.csv",
        "tables/scans.csv",
        "figures/ssim.png",
        "model/diffusion.safetensors",
        "maps/val-1/val-1_anomaly.nii.gz",
        "maps/val-1/val-1_zscore.nii.gz",
        "viewer/val-1/scan.js",
        "prepared/val-1/picture.png",
        "tables/preparation.csv",
        "viewer/val-1/zscore.js",
        "pipeline_info/trace.txt",
        "pipeline_info/timeline.html",
        "pipeline_info/report.html",
        "pipeline_info/dag.html",
        "pipeline_info/versions.json",
        "pipeline_info/inputs.csv",
        "pipeline_info/params.json",
        "pipeline_info/run.json",
    ):
        assert (stub_run.outdir / name).is_file(), name


ARGUMENTS = """
include {{ argumentsOf }} from '{project}/modules/arguments'
workflow {{
    [[:], [embedding: 'e.pt'], [healthy: 'SCD']].each {{ more ->
        println('ARGUMENTS ' + groovy.json.JsonOutput.toJson(argumentsOf(params + more)))
    }}
}}
"""


def test_the_tools_that_need_the_classes_are_given_them(stub_run: Run, tmp_path: Path) -> None:
    given = json.loads((stub_run.outdir / "pipeline_info/params.json").read_text()) | {"classes": "HC,SCD,DEM"}
    (tmp_path / "params.json").write_text(json.dumps(given))
    (tmp_path / "main.nf").write_text(ARGUMENTS.format(project=PROJECT))
    output, _ = launch(tmp_path, "run", "main.nf", "-params-file", "params.json").communicate()
    found = [json.loads(line.split(" ", 1)[1]) for line in output.splitlines() if line.startswith("ARGUMENTS ")]
    tools = [{tool for tool, options in each.items() if "--classes 'HC,SCD,DEM'" in options} for each in found]
    without_a_model = {"simulate", "slice", "train", "choose", "aggregate"}
    assert tools == [without_a_model, without_a_model | {"tune", "reconstruct"}, without_a_model]
    named = [{tool for tool, options in each.items() if "--healthy SCD" in options} for each in found]
    assert named == [set(), set(), {"tune", "choose", "reconstruct", "aggregate"}]


@pytest.fixture(scope="module")
def simulated(scratch: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Every stub there is, each scan in a task of its own and every task in scratch."""
    return succeed(tmp_path_factory.mktemp("simulated"), *SIMULATED, *scratch)


def test_every_stub_runs_in_scratch_the_simulation_after_a_check(simulated: Run) -> None:
    assert set(simulated.tasks().values()) == {"COMPLETED"}
    assert [process for process, _ in simulated.tasks()][:3] == ["CHECK_PARAMETERS", "SIMULATE", "CHECK"]
    assert ("EXPORT_BIDS", "27 maps") in simulated.tasks()
    assert simulated.output.rstrip().endswith(f"--model {simulated.outdir / 'model'} --classes HC,SCD,DEM --outdir new")
    assert json.loads((simulated.outdir / "pipeline_info/params.json").read_text())["classes"] == "HC,SCD,DEM"


def test_scans_that_share_a_task_give_the_same_files(simulated: Run, tmp_path: Path) -> None:
    run = succeed(tmp_path, *SIMULATED, *going_on(simulated, tmp_path), "--scans_per_task", "2")
    assert files_of(run.outdir) == files_of(simulated.outdir)
    shared = [(process, tag) for process, tag in run.tasks() if process in ("TUNE", "RECONSTRUCT", "SCORE")]
    groups = [(process, tag) for process in ("RECONSTRUCT", "SCORE") for tag in ("test-1 to train-1", "val-1")]
    assert sorted(shared) == [*groups, ("TUNE", "val-1")]
    others = {task for task in run.tasks() if task not in shared}
    assert others == {task for task in simulated.tasks() if task[0] not in ("TUNE", "RECONSTRUCT", "SCORE")}


def test_no_script_names_a_tool_barely() -> None:
    """A bare word that is a file of bin/ has Nextflow hash all of it, help texts and comments, too."""
    bare = re.compile(rf"(?<![\w'/])({'|'.join(tool.name for tool in BIN.glob('*.py'))})(?![\w'])")
    modules = [file.read_text() for file in (PROJECT / "modules").glob("*.nf")]
    scripts = [text for text in modules if re.search("^process ", text, re.MULTILINE)]
    assert len(scripts) == len(STAGES) + len(("SIMULATE", "TUNE", "CHOOSE", "EXPORT_BIDS"))
    assert [line for script in scripts for line in script.splitlines() if bare.search(line.partition("//")[0])] == []


def test_a_change_reruns_what_goes_by_it_alone(tmp_path: Path) -> None:
    """The check itself, before stubs of all other stages; then a changed note and help texts, then a new score."""
    project = copy_project(tmp_path / "project")
    check = project / "modules/check.nf"
    check.write_text(check.read_text().split("    stub:\n")[0].rstrip() + "\n}\n")
    for (name, _), grid in zip(SCANS, ("isotropic", "oblique, flipped", "anisotropic and odd"), strict=True):
        write_head(tmp_path / f"{name}.nii", grid)
    rows = ["scan,subject,image,label,split,Notes"]
    rows += [f'{name},{name},{name}.nii,{name[:2]},{split},"NOTE"' for name, split in SCANS]

    def rerun(note: str, *more: str) -> set[str]:
        (tmp_path / "sheet.csv").write_text("\n".join(rows).replace("NOTE", note))
        run = succeed(tmp_path, *STUB, "-resume", "--input", "sheet.csv", *more, project=project)
        [folder] = [Path(task["workdir"]) for task in run.trace() if task["process"] == "AGGREGATE"]
        with (folder / "samplesheet.csv").open(newline="") as lines:
            assert {row["Notes"] for row in csv.DictReader(lines)} == {note.replace('""', '"')}
        assert {process for process, _ in run.tasks()} == {*STAGES}
        assert run.processes("CACHED") == {*STAGES} - run.processes("COMPLETED")
        return run.processes("COMPLETED")

    assert rerun("fine") == {*STAGES}
    for name, text in (("train.py", "Optimiser steps."), ("options/device.py", "Where the network runs")):
        tool = project / "bin" / name
        tool.write_text(tool.read_text().replace(text, f"{text} And so on."))
        assert f"{text} And so on." in tool.read_text()
    note = 'said ""no"",\nand left'
    assert rerun(note) == {"CHECK", "GATE", "AGGREGATE"}
    with (project / "bin/healthward/maps/scores.py").open("a") as functions:
        functions.write("\n\ndef backward(cubes):\n    return -cubes.class_direction\n")
    # No slice is inverted anew
    stages = {"CHECK", "GATE", "MAP", "SCORE", "NORM", "CALIBRATE", "AGGREGATE"}
    assert rerun(note, "--scores", "round_trip,likeness,deformation") == stages


@pytest.fixture(scope="module")
def sources(stub_run: Run) -> dict[str, set[str]]:
    """The files that each tool's digest was made of."""
    record = json.loads((stub_run.outdir / "pipeline_info/run.json").read_text())
    return {tool: set(code["files"]) for tool, code in record["code"].items()}


def imported(source: Path) -> set[Path]:
    """Return the files of the project that the import statements of `source` load, by Python's own parser."""
    names = set()
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{source}: relative imports escape the pipeline's digest"
            names |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    files = {BIN / f"{name.replace('.', '/')}.py" for name in names}
    packages = {BIN / parent / "__init__.py" for name in names for parent in Path(name.replace(".", "/")).parents}
    return {file for file in files | packages if file.is_file()}


def with_imports(source: Path, seen: set[Path]) -> set[Path]:
    if source not in seen:
        seen.add(source)
        for file in imported(source):
            with_imports(file, seen)
    return seen


def test_digest_covers_what_each_tool_imports(sources: dict[str, set[str]]) -> None:
    assert set(sources) == {tool.stem for tool in BIN.glob("*.py")} - {"cli", *WITHOUT_A_PROCESS}
    for tool, files in sources.items():
        expected = {str(file.relative_to(PROJECT)) for file in with_imports(BIN / f"{tool}.py", set())}
        assert {file for file in files if file.endswith(".py")} == expected, tool


def test_what_a_network_makes_does_not_go_by_scores(sources: dict[str, set[str]]) -> None:
    unasked = {f"bin/{path}" for path in ("healthward/maps/scores.py", "healthward/names.py", "options/scores.py")}
    assert not unasked & (sources["reconstruct"] | sources["train"])


def test_digest_covers_every_file_of_the_library(sources: dict[str, set[str]]) -> None:
    library = {path for path in (BIN / "healthward").rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    alone = [with_imports(BIN / f"{tool}.py", set()) for tool in WITHOUT_A_PROCESS]
    used = {str(file.relative_to(PROJECT)) for files in alone for file in files}
    assert {str(path.relative_to(PROJECT)) for path in library} <= used.union(*sources.values())


def test_run_is_recorded(stub_run: Run) -> None:
    record = json.loads((stub_run.outdir / "pipeline_info/run.json").read_text())
    assert "-stub-run" in record["command"]
    assert record["seed"] == 0
    assert {"healthward", "commit", "nextflow", "started"} <= set(record)


def test_parameters_are_those_of_the_schema(stub_run: Run) -> None:
    groups = json.loads((PROJECT / "nextflow_schema.json").read_text())["$defs"].values()
    described = {name: entry.get("default") for group in groups for name, entry in group["properties"].items()}
    given = json.loads((stub_run.outdir / "pipeline_info/params.json").read_text())
    assert given | {"input": None} == described


def test_help_lists_every_parameter_and_runs_nothing(tmp_path: Path) -> None:
    run = succeed(tmp_path, "--help")
    groups = json.loads((PROJECT / "nextflow_schema.json").read_text())["$defs"].values()
    for group in groups:
        assert group["title"] in run.output
        for name in group["properties"]:
            assert f"--{name} " in run.output
    assert "default 64,64,64" in run.output
    assert not run.outdir.exists()
