"""A short while of fuzzing in every run of the tests; `make fuzz` takes longer. No input may break anything."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz.campaign import fuzz
from fuzz.targets import HEADER, SCHEMA, TARGETS
from healthward.inputs.parameters import properties
from requirements import need

SECONDS = 3
bounded = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))

# What people and attackers write, and anything else
AWKWARD = ["CN", "5", "a.nii", "../x", "$(id)", "a'b", 'a"b', "=1+1", "<b>", "\u202e", "\ud800", "é", "NA", "", " "]
cells = st.sampled_from(AWKWARD) | st.text(max_size=20)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | cells
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(cells, inner, max_size=3))
keys = st.sampled_from(["image", "label", "slice_label", "scan", "subject", "split", "mask", "age", "sex", "site"])
numbers = st.from_regex(r"-?[0-9]{1,3}(\.[0-9]{1,3})?(,[0-9]{1,3})*", fullmatch=True)
names = st.sampled_from(list(properties(SCHEMA))) | cells


def as_json(value: object) -> bytes:
    return json.dumps(value).encode()


@pytest.mark.parametrize("name", TARGETS)
def test_by_coverage(name: str, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    need("atheris", [] if importlib.util.find_spec("atheris") else ["atheris, which has no wheel for it"])
    tried, said = fuzz(name, SECONDS, tmp_path)
    assert not said, said
    assert tried > len(TARGETS[name][1])
    record_property(f"fuzzing, {name}", f"{tried} inputs tried by coverage")


@bounded
@given(rows=st.lists(st.lists(cells, min_size=9, max_size=9), max_size=4), separator=st.sampled_from(",;\t"))
def test_sheets(rows: list[list[str]], separator: str) -> None:
    body = "\n".join(separator.join(row) for row in rows)
    TARGETS["sheet"][0](HEADER + body.encode("utf-8", "surrogatepass"))


@bounded
@given(entries=st.lists(st.dictionaries(keys | cells, values, max_size=5) | values, max_size=3))
def test_lists(entries: list[object]) -> None:
    TARGETS["dataset"][0](as_json(entries))


@bounded
@given(entry=st.dictionaries(keys, scalars, min_size=2))
def test_single_scans(entry: dict[str, object]) -> None:
    TARGETS["scan"][0](as_json(entry))


@bounded
@given(parameters=st.dictionaries(names, numbers | values, max_size=6))
def test_parameters(parameters: dict[str, object]) -> None:
    TARGETS["parameters"][0](as_json(parameters))
