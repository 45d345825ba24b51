"""The walk-through runs from its first cell to its last, and what it shows is so."""

import json

import nbformat
import pytest
from nbclient import NotebookClient

from runs import PROJECT

NOTEBOOK = PROJECT / "docs" / "walkthrough.ipynb"

WHAT_IT_SHOWED = """
import json

facts = {
    "beginner": float(np.mean((pictures["after 15 steps of training"] - pictures["slice"]) ** 2)),
    "trained": float(np.mean((pictures["after 12 000"] - pictures["slice"]) ** 2)),
    "losses": [float(loss) for loss in losses],
    "round_trip": float(np.abs(x - u).mean()),
    "change": float(np.abs(true).mean()),
    "places": places.to_dict("list"),
    "found": {name: score._asdict() for name, score in found.items()},
    "native": [volume.shape == patient.image.shape for volume in vars(maps).values()],
    "controls": norm.subjects,
    "beyond_patient": beyond.loc[patient.subject, "beyond 5 %"],
    "auroc": float(comparisons.loc[comparisons["group"] == "AD", "estimate"].iloc[0]),
    "left": Path(folder.name).exists(),
}
print(json.dumps(facts, default=float))
"""


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """Execute the notebook where it lies within a project, and return what its variables hold at the end."""
    # A folder of its own with the project's code behind links: whatever it wrote would not reach the project
    copy = tmp_path_factory.mktemp("project")
    (copy / "docs").mkdir()
    for name in ("bin", "conf"):
        (copy / name).symlink_to(PROJECT / name)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(WHAT_IT_SHOWED))
    # An error in a cell is raised
    NotebookClient(
        notebook, timeout=900, kernel_name="python3", resources={"metadata": {"path": str(copy / "docs")}}
    ).execute()
    assert list((copy / "docs").iterdir()) == []
    noise = [
        output.text for cell in notebook.cells for output in cell.get("outputs", []) if output.get("name") == "stderr"
    ]
    assert noise == []
    return json.loads(notebook.cells[-1].outputs[0].text)


def test_is_stored_without_outputs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)


def test_training_helps(facts: dict) -> None:
    assert facts["losses"][-1] < facts["losses"][0]
    assert facts["trained"] < 0.2 * facts["beginner"]


def test_round_trip_errs_less_than_the_disease_changes(facts: dict) -> None:
    assert facts["round_trip"] < facts["change"]


def test_patients_map_ranks_true_voxels_better_than_any_healthy_persons(facts: dict) -> None:
    own, others, _ = facts["places"].values()
    assert len(own) == 6
    assert all(mine > other for mine, other in zip(own, others, strict=True))
    found = facts["found"]
    assert found["likeness"]["auprc"] > found["anomaly"]["auprc"] > found["round_trip"]["auprc"]


def test_maps_are_on_the_grid_of_the_scan(facts: dict) -> None:
    assert facts["native"] == [True] * 4


def test_patient_exceeds_the_rate_of_the_controls(facts: dict) -> None:
    assert facts["controls"] == 6
    assert facts["beyond_patient"] > 0.05


def test_log_odds_separate_patients_from_controls(facts: dict) -> None:
    assert facts["auroc"] > 0.7


def test_leaves_nothing_behind(facts: dict) -> None:
    assert not facts["left"]
