"""The register of names agrees with what makes, checks, files and stands in for what it names."""

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest

from healthward.evaluation.weights import BACKBONES
from healthward.maps.native import NativeMaps
from healthward.names import FORMER_SCORES, MAPS, METRICS, SCORES, current_scores
from healthward.norms.abnormality import CalibratedMaps
from runs import PROJECT

RAW = {name for name, kind in MAPS.items() if not kind.calibrated}
SCHEMA = json.loads((PROJECT / "nextflow_schema.json").read_text(encoding="utf-8"))["$defs"]
PARAMETERS = {name: entry for group in SCHEMA.values() for name, entry in group["properties"].items()}


def test_schema_knows_the_scores_and_metrics() -> None:
    assert PARAMETERS["calibrated_score"]["enum"] == list(SCORES)
    assert re.findall(r"\w+", PARAMETERS["scores"]["help_text"].split(";")[0])[1:] == list(SCORES)
    assert set(re.findall(r"\w+", PARAMETERS["metrics"]["help_text"].split(".")[0])) - {"Of", "and"} == set(METRICS)


def test_former_names_of_scores_are_those_of_none_and_stand_for_one_of_today() -> None:
    assert not FORMER_SCORES.keys() & SCORES.keys()
    assert {*FORMER_SCORES.values()} <= SCORES.keys()
    assert current_scores("anomaly, disease,likeness", "--scores") == (
        "anomaly,likeness,likeness",
        ["--scores disease is called likeness now; the old name goes with the next release"],
    )
    assert current_scores("anomaly,residual", "--scores") == ("anomaly,residual", [])


def test_metrics_that_need_weights_have_a_file() -> None:
    assert {name for name, metric in METRICS.items() if metric.pretrained} == set(BACKBONES)


def test_every_map_is_made_by_a_stage() -> None:
    beside = {field.name for field in fields(NativeMaps)}
    assert beside | {name for name, score in SCORES.items() if score.native} == RAW
    assert {field.name for field in fields(CalibratedMaps)} == set(MAPS) - RAW


@pytest.mark.parametrize(("module", "kinds"), [("map", RAW), ("calibrate", set(MAPS) - RAW)])
def test_stubs_leave_the_maps_that_the_stage_makes(module: str, kinds: set[str]) -> None:
    [names] = re.findall(r"_\{([\w,]+)\}\.nii\.gz", Path(PROJECT / f"modules/{module}.nf").read_text(encoding="utf-8"))
    assert set(names.split(",")) == kinds


def test_stub_of_the_viewer_has_what_it_shows() -> None:
    shown = {name for name, kind in MAPS.items() if kind.viewed}
    found = set()
    for module in ("score", "calibrate"):
        text = (PROJECT / f"modules/{module}.nf").read_text(encoding="utf-8")
        found |= set(",".join(re.findall(r"\{([\w,]+)\}\.js", text)).split(","))
    assert found - {"scan", "pseudohealthy"} <= shown


def test_every_score_and_metric_stands_in_the_docs() -> None:
    method = (PROJECT / "docs/method.md").read_text(encoding="utf-8")
    outputs = (PROJECT / "docs/outputs.md").read_text(encoding="utf-8")
    assert [name for name in SCORES if f"`{name}`" not in method] == []
    assert [name for name in METRICS if name not in outputs] == []
