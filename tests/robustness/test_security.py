"""Nothing that comes from outside is run, nothing private goes out, and what is installed is what was locked."""

import ast
import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from healthward.cohort.summary import summarise
from healthward.inputs.fields import Row
from healthward.inputs.pseudonyms import pseudonym, pseudonymised, without_secrets
from healthward.report.page import render
from runs import PROJECT
from unit.test_cohort import write_cohort

SOURCES = sorted((PROJECT / "bin").rglob("*.py"))
LOCKS = [PROJECT / "requirements.lock", *sorted((PROJECT / "containers").glob("*.lock"))]
HOSTILE = ["<script>alert(1)</script>", "<img src=x onerror=alert(2)>", "a & b; touch mark", "</td></table>"]


def calls(source: Path) -> list[tuple[str, dict[str, object]]]:
    """Return (function as it is written, its keyword arguments where they are constants) of every call."""
    return [
        (
            ast.unparse(node.func),
            {
                keyword.arg or "": keyword.value.value
                for keyword in node.keywords
                if isinstance(keyword.value, ast.Constant)
            },
        )
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    ]


@pytest.mark.parametrize("source", SOURCES, ids=[source.name for source in SOURCES])
def test_no_file_is_read_by_a_loader_that_runs_code(source: Path) -> None:
    for function, options in calls(source):
        assert function not in ("eval", "exec", "pickle.load", "pickle.loads", "joblib.load", "os.system", "yaml.load")
        assert not options.get("shell")
        assert not options.get("allow_pickle")
        if function == "torch.load":
            assert options.get("weights_only") is True


@pytest.mark.parametrize("lock", LOCKS, ids=[str(lock.relative_to(PROJECT)) for lock in LOCKS])
def test_every_locked_library_has_one_version_and_hashes(lock: Path) -> None:
    entries = re.split(r"\n(?=[A-Za-z0-9])", lock.read_text(encoding="utf-8").strip())
    assert len(entries) > 50
    for entry in entries:
        assert re.match(r"[A-Za-z0-9._-]+==[^\s;]+", entry), entry
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry
        assert "://" not in entry.split("#")[0], entry


def test_documented_versions_are_the_locked_ones() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    locked = dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;]+)", LOCKS[0].read_text(encoding="utf-8"), re.MULTILINE))
    documented = " ".join((PROJECT / "docs/reliability.md").read_text(encoding="utf-8").split())
    for requirement in project["dependencies"]:
        name = re.match(r"[A-Za-z0-9._-]+", requirement).group()  # type: ignore[union-attr]
        assert f"{name} {locked[name]}" in documented, f"{name} {locked[name]}"


def test_markup_in_free_text_is_text_in_the_report(tmp_path: Path) -> None:
    """Twenty controls or more, so that sites get into a table of the report."""
    places = write_cohort(tmp_path / "scores", 28, ("CN", "CN", "CN", "AD"))
    sites = [HOSTILE[number // 4 % len(HOSTILE)] for number in range(len(places))]
    scans = [place.name for place in places]
    covariates = pd.DataFrame({"scan": scans, "age": 70.0, "sex": "M", "site": sites})
    skipped = pd.DataFrame({"scan": ["s"], "subject": ["p"], "label": ["CN"], "reason": [HOSTILE[0]]})
    cohort = summarise(places, covariates=covariates, skipped=skipped)
    figures = {}
    for name in ("ssim_curves", "scores_by_class", "round_trip", "lowest_slices", "localisation"):
        figures[name] = tmp_path / f"{name}.png"
        figures[name].write_bytes(b"\x89PNG")
    report = render(cohort, figures)
    for text in (HOSTILE[0], HOSTILE[1], HOSTILE[3]):
        assert text not in report
    assert "&lt;script&gt;alert(1)" in report
    assert "&lt;img src=x onerror=alert(2)&gt;" in report


def test_pseudonyms_depend_on_kind_id_and_salt_alone() -> None:
    made = {
        pseudonym(kind, identity, salt)
        for kind in ("scan", "person")
        for identity in ("a", "b")
        for salt in ("one salt", "another")
    }
    assert len(made) == 8
    assert pseudonym("scan", "a", "one salt") == pseudonym("scan", "a", "one salt")
    assert all(re.fullmatch("[sp][0-9a-f]{10}", name) for name in made)


def test_a_person_has_one_pseudonym_however_the_id_is_written_but_where_a_sheet_tells_two_apart() -> None:
    row = Row(2, "a", "a", "/a.nii", "CN", "", "", None, "", "")
    [one], [other] = (pseudonymised([replace(row, subject=subject)], "a secret") for subject in ("sub-007", "7"))
    assert one.subject == other.subject
    both = pseudonymised([replace(row, scan=subject, subject=subject) for subject in ("007", "7")], "a secret")
    assert len({row.subject for row in both}) == 2
    visits = pseudonymised(
        [replace(row, scan=name, subject=name) for name in ("p12_bl", "p12_m12", "p13_bl")], "a secret"
    )
    assert len({row.subject for row in visits}) == 3
    [alone] = pseudonymised([replace(row, subject="p13")], "a secret")
    assert visits[2].subject == alone.subject


def test_secrets_are_not_shown_with_the_parameters() -> None:
    given = {"input": "names.csv", "pseudonymise": True, "pseudonym_salt": "a secret", "scan": "{}", "size": 64}
    assert without_secrets(given) == {"pseudonymise": True, "size": 64}
    assert without_secrets(given | {"pseudonymise": False}).keys() == given.keys() - {"pseudonym_salt"}
