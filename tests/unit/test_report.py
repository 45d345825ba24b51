import base64
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from healthward.cohort.ranking import rank
from healthward.cohort.summary import Cohort, summarise
from healthward.names import METRICS
from healthward.report.methods import methods_text
from healthward.report.page import SCRIPTS, cautions, findings, number, render, summary_lines
from unit.test_cohort import covariates_of, slice_rows, write_cohort, write_scores

HOSTILE = '<script>alert("1")</script>\'"><img src=x onerror=alert(2)>'


class Page(HTMLParser):
    """The elements of a page, by tag, with their attributes; fails on tags that do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return summarise(write_cohort(tmp_path_factory.mktemp("scores"), 20), lowest=2)


@pytest.fixture
def figures(tmp_path: Path) -> dict[str, Path]:
    paths = {}
    for name in ("ssim_curves", "scores_by_class", "round_trip", "lowest_slices", "localisation"):
        paths[name] = tmp_path / f"{name}.png"
        paths[name].write_bytes(b"\x89PNG" + name.encode())
    return paths


def test_hostile_text_is_text(cohort: Cohort, figures: dict[str, Path], tmp_path: Path):
    (tmp_path / "config.json").write_text(json.dumps({HOSTILE: [HOSTILE]}))
    (tmp_path / "loss.png").write_bytes(b"\x89PNG")
    text = render(cohort, figures, tmp_path, {"input": HOSTILE, HOSTILE: {"a": HOSTILE}, "metrics": HOSTILE})
    page = Page(text)
    assert len(page.of("script")) == 3 + len(SCRIPTS)
    assert HOSTILE not in text
    assert all(str(image["src"]).startswith("data:image/png;base64,") for image in page.of("img") if "src" in image)
    assert "&lt;script&gt;" in text


def test_page_needs_no_other_file_and_can_be_read_aloud(cohort: Cohort, figures: dict[str, Path]):
    text = render(cohort, figures)
    page = Page(text)
    assert sum("src" in image for image in page.of("img")) == len(figures)
    assert all(image["alt"] for image in page.of("img"))
    assert page.of("link") == []
    assert not any("src" in script for script in page.of("script"))
    markup = re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
    assert not re.search(r"(src|href)=\"(https?:)?//|url\(|@import", markup)
    assert len(page.of("caption")) == len(page.of("table"))
    assert page.of("html") == [{"lang": "en"}]
    anchors = {str(link["href"]) for link in page.of("a") if str(link["href"]).startswith("#")}
    panels = {"#panel-name"}
    assert anchors == {f"#{heading['id']}" for heading in page.of("h2")} - panels


def test_every_scan_opens_its_panel_and_has_its_numbers_in_the_page(cohort: Cohort, figures: dict[str, Path]):
    text = render(cohort, figures)
    page = Page(text)
    opened = [button["data-scan"] for button in page.of("button") if button.get("class") == "scan"]
    ranked = list(rank(cohort)["scan"])
    assert opened[: len(ranked)] == ranked
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text)[1])
    assert data["scans"]["scan"] == ranked
    ssim = next(metric for metric in data["curves"]["metrics"] if metric["key"] == "ssim")
    coronal = np.frombuffer(base64.b64decode(ssim["values"][1]), "<f4").reshape(len(ranked), -1)
    for values, scan in zip(coronal, ranked, strict=True):
        rows = cohort.slices[(cohort.slices["scan"] == scan) & (cohort.slices["axis"] == "coronal")]
        np.testing.assert_allclose(values, rows["ssim"], rtol=1e-6)
    assert data["maps"] == ["anomaly", "contrast", "pseudohealthy"]


def test_methods_tell_the_runs_own_parameters(cohort: Cohort):
    given = {"guidance_scale": 2.5, "noise_depth": 199, "ddim_steps": 7, "inversion_iterations": 3}
    methods = methods_text(cohort, {**given, "size": 96, "fov": 192, "slice_range": "0.2,0.8"}, {})
    text = " ".join(methods.paragraphs)
    assert "cube of 96³ voxels of 2 mm" in text
    assert "between 20% and 80% of each axis" in text
    assert "timestep 199" in text
    assert "w = 2.5" in text
    assert "not calibrated" in text
    cited = {int(number) for group in re.findall(r"\[([\d, ]+)\]", text) for number in group.split(",")}
    assert cited == set(range(1, len(methods.references) + 1))


def test_methods_name_the_class_that_was_tested_for_whatever_the_parameters_say(cohort: Cohort):
    given = {"healthy": "CN", "disease": None}
    assert "how much better the diseased class explains" in " ".join(methods_text(cohort, given, {}).paragraphs)
    named = replace(cohort, scans=cohort.scans.assign(log_odds_of="LMCI", likeness_mean=0.1))
    text = " ".join(methods_text(named, given, {}).paragraphs)
    assert "how much better class LMCI explains" in text
    assert "from CN to class LMCI" in text


def test_methods_claim_nothing_that_the_run_did_not_do(cohort: Cohort):
    given = {"guidance_scale": 2.5, "noise_depth": 199, "ddim_steps": 7, "inversion_iterations": 3, "tune": True}
    for conditioned in (False, True):
        methods = methods_text(cohort, given, {"architecture": {"time_conditioning": conditioned}})
        text = " ".join(methods.paragraphs)
        assert ("timestep's embedding" in text) is conditioned
        assert any("beat GANs" in work for work in methods.references) is conditioned
        assert "chosen on the validation scans" in text
        assert "199" not in text
        assert "2.5" not in text


def test_maps_are_linked_where_the_run_put_them(cohort: Cohort, figures: dict[str, Path]):
    pages = [render(cohort, figures, None, {"bids": bids}) for bids in (False, True)]
    assert ["own grid are these files" in text for text in pages] == [True, False]
    assert ['href="bids/"' in text for text in pages] == [False, True]


def test_same_bytes_twice(cohort: Cohort, figures: dict[str, Path]):
    assert render(cohort, figures, None, {"seed": 1}) == render(cohort, figures, None, {"seed": 1})


def test_findings_give_chance_beside_each_score(cohort: Cohort):
    text = " ".join(findings(cohort))
    assert "20 scans of 20 subjects" in text
    assert "AD is distinguished from CN" in text
    assert "AUROC 1.00" in text
    assert "chance 0.5" in text
    assert "The contrast map finds the true voxels with AUPRC 0.125 (" in text
    assert "above chance (0.0250)" in text
    assert "AUPRC 0.0100 (0.0100–0.0100), not shown to beat chance (0.0250)" in text


def test_false_positives_and_adjusted_scores_are_there_only_with_covariates(
    cohort: Cohort, figures: dict[str, Path], tmp_path: Path
):
    places = write_cohort(tmp_path / "scores", 40, ("CN", "AD"))
    text = render(summarise(places, covariates=covariates_of(places)), figures)
    assert "Contrast map, 99th pct., adjusted for age" in text
    assert "False positives: CN subjects" in text
    assert "60–69" in text
    assert "trend τ" in text
    without = render(cohort, figures)
    assert "adjusted for" not in without
    assert "False positives" not in without


def test_classes_that_overlap_are_not_distinguished(tmp_path: Path):
    places = [
        write_scores(tmp_path, slice_rows(f"s{number}", "AD" if number % 2 else "CN", seed=number), contrast=value)
        for number, value in enumerate([0.05, 0.04, 0.03, 0.06, 0.045, 0.05])
    ]
    assert "AD is not distinguished from CN" in " ".join(findings(summarise(places)))


def test_summary_is_three_lines_that_name_outliers(tmp_path: Path):
    tables = [slice_rows(f"s{number:02d}", seed=number) for number in range(10)]
    tables.append(slice_rows("bad", level=0.5))
    lines = summary_lines(summarise(write_scores(tmp_path, table) for table in tables))
    assert len(lines) == 3
    assert "1 scan departs from the cohort: bad." in lines[0]
    assert all("\n" not in line for line in lines)


def test_summary_names_the_map_to_look_at_first(cohort: Cohort):
    anomaly = cohort.localisation[cohort.localisation["map"] == "anomaly"]
    more = [anomaly.assign(map=name) for name in ("z", "residual", "likeness")]
    _, shown, _ = summary_lines(replace(cohort, localisation=pd.concat([cohort.localisation, *more])))
    assert "the likeness map finds the true voxels" in shown
    assert shown.count("finds the true voxels") == 1


def test_single_scan_says_that_nothing_can_be_compared(tmp_path: Path, figures: dict[str, Path]):
    cohort = summarise(write_cohort(tmp_path / "scores", 1))
    del figures["scores_by_class"]
    scans, shown, _ = summary_lines(cohort)
    assert "1 scan of 1 subject mapped (1 CN)" in scans
    assert "too few scans to tell outliers" in scans
    assert "no class could be compared with CN" in shown
    assert "No two classes have enough subjects" in render(cohort, figures)


def test_absent_metrics_are_named_with_the_reason(cohort: Cohort):
    absent = ", ".join(metric.title for name, metric in METRICS.items() if name not in cohort.scans)
    assert any(absent in caution.text and "--weights" in caution.text for caution in cautions(cohort, {}))
    asked = cautions(cohort, {"metrics": "ssim,ms_ssim,psnr,vsi"})
    assert any("only ssim,ms_ssim,psnr,vsi were asked for" in caution.text for caution in asked)


def test_training_scans_and_missing_controls_are_warned_of(tmp_path: Path):
    trained = summarise(write_cohort(tmp_path / "a", 10, split="train"))
    assert any("10 of 10 scans not held out" in caution.short for caution in cautions(trained, {}))
    without = summarise(write_cohort(tmp_path / "b", 4, ("MCI", "AD")))
    assert any("no CN scan" in caution.short for caution in cautions(without, {}))
    held_out = summarise(write_cohort(tmp_path / "c", 10))
    assert not any("held out" in caution.short for caution in cautions(held_out, {}))


def test_numbers_keep_three_digits():
    assert [number(value) for value in (0.5, 29, 0.00072, 123.4, float("nan"))] == [
        "0.500",
        "29.0",
        "0.000720",
        "123",
        "–",
    ]
    assert number(pd.NA) == "–"


PREPARED = pd.DataFrame(
    {"verdict": ["good", "look"], "reasons": ["", "noise of 20%; give a better scan"], "stripped": [False, False]}
    | {"bias": [0.1, 0.1], "tiv_ml": [1400.0, 1500.0]}
)


def test_what_was_prepared_is_said_in_methods_and_cautions(cohort):
    given = PREPARED.assign(scan=cohort.scans["scan"].head(2).tolist())
    prepared = replace(cohort, preparation=given)
    methods = methods_text(prepared, {"size": 64, "fov": 192, "slice_range": "0.2,0.8"}, {})
    text = methods.paragraphs[0]
    found = "Brains were found by deepbet [1] in 2 heads, corrected for their bias field by N4 [2] and brought into"
    assert found in text
    assert "in MNI152 space, its intensities scaled from the 0.5th percentile" in text
    assert methods.references[0].startswith("Fisch")
    doubts = [caution for caution in cautions(prepared, {}) if "doubtfully prepared" in caution.short]
    assert [f"{given['scan'][1]} (noise of 20%; give a better scan)" in caution.text for caution in doubts] == [True]
    # What is not known is not said
    alone = methods_text(replace(prepared, preparation=given.assign(stripped=True, bias=0.0, tiv_ml=np.nan)), {}, {})
    assert "Brains" not in alone.paragraphs[0]
