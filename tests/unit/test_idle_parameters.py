"""Parameters that were given and change nothing are told, and defaults never are."""

import json
from pathlib import Path
from typing import Any

import pytest

from healthward.inputs.idle_parameters import without_effect
from healthward.inputs.parameters import completed

SCHEMA = json.loads((Path(__file__).parents[2] / "nextflow_schema.json").read_text(encoding="utf-8"))
FRACTIONS = {"test_fraction": 0.4, "validation_fraction": 0.3}


def lines(model: bool = False, has_split: bool = False, **given: Any) -> list[str]:
    return without_effect(completed(given, SCHEMA), SCHEMA, model, has_split)


def test_fractions_have_no_effect_where_nothing_is_divided() -> None:
    named = "parameter validation_fraction 0.3 and test_fraction 0.4: without effect, since"
    assert lines(has_split=True, **FRACTIONS) == [f"{named} the sheet's column split divides the scans"]
    assert lines(model=True, **FRACTIONS) == [f"{named} --model divides no subjects"]
    assert lines(**FRACTIONS) == []


def test_what_tuning_takes_and_what_it_replaces_is_told() -> None:
    assert lines(guidance_scales="1,9") == [
        "parameter guidance_scales 1,9: without effect, since they are for --tune",
    ]
    [line] = lines(tune=True, guidance_scale=7, noise_depth=100)
    assert line.startswith("parameter guidance_scale 7 and noise_depth 100: without effect, since --tune takes those")
    assert lines(tune=True, noise_depths="100,200") == []


@pytest.mark.parametrize("model", [True, False])
@pytest.mark.parametrize("tune", [True, False])
def test_defaults_are_never_told(model: bool, tune: bool) -> None:
    assert lines(model, has_split=True, tune=tune, seed=7) == []
