"""What each ingredient is worth: one off at a time, on the validation subjects of the validity bench.

    python tests/benchmarks/ablation.py --work results/validity [--size 48] [--subjects 500] \\
        [--models name=DIR …] [--variants default,steps,…]

Translates a few controls and patients under each variant and writes docs/benchmark/ablation.json and its table in
docs/benchmark.md. --models are trainings to compare at equal steps; the translations are by the bench's model.
"""

import argparse
import json
import multiprocessing
import os
import sys
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
PROJECT = Path(__file__).parents[2]
sys.path[:0] = [str(PROJECT / "bin"), str(PROJECT / "tests")]

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import torch  # noqa: E402
from scipy import stats  # noqa: E402
from tqdm import tqdm  # noqa: E402

from benchmarks.measures import put_table  # noqa: E402
from healthward.cohort.summary import describe  # noqa: E402
from healthward.diffusion.model import load_model  # noqa: E402
from healthward.diffusion.translation import OneStep, Settings, Translation, scan_log_odds  # noqa: E402
from healthward.evaluation.localisation import voxel_scores  # noqa: E402
from healthward.imaging.slices import ScanSlices, load_scan, read_record  # noqa: E402
from healthward.imaging.volumes import Array  # noqa: E402
from healthward.labels import ADNI  # noqa: E402
from healthward.maps.fused import FusedCubes  # noqa: E402
from healthward.maps.fusion import coverage, uncut  # noqa: E402
from healthward.maps.reconstruction import Translator  # noqa: E402
from healthward.maps.scores import SCORES  # noqa: E402

BASE = Settings()
TRANSLATIONS = {
    "as it is": BASE,
    "no fixed-point iteration": replace(BASE, inversion_iterations=0),
    "one fixed-point iteration": replace(BASE, inversion_iterations=1),
    "depth 149": replace(BASE, noise_depth=149),
    "depth 349": replace(BASE, noise_depth=349),
    "guidance 1": replace(BASE, guidance_scale=1.0),
    "guidance 5": replace(BASE, guidance_scale=5.0),
}


@dataclass(frozen=True)
class Variant:
    """A model and settings to translate with."""

    name: str
    model: Path
    settings: Settings


def judge(variant: Variant, folder: Path) -> dict[str, Any]:
    """Translate one subject, and return how its scores do."""
    scan = load_scan(folder)
    healthy, diseased = ADNI.condition("CN"), ADNI.condition("AD")
    translator = Translator(load_model(variant.model), healthy, diseased, variant.settings, torch.device("cpu"))
    translation, one_step = translator.translate(scan), translator.one_step(scan, ())
    cubes = translator.fuse(scan, translation, one_step, ())
    region = scan.brain & (coverage(scan.record) > 0)
    truth = scan.truth & region if scan.truth is not None else np.zeros_like(region)
    row: dict[str, Any] = {
        "variant": variant.name,
        "label": scan.record.label,
        "log_odds": scan_log_odds(one_step.log_odds, scan.brain_stack.sum(axis=(2, 3)).ravel()),
        "round_trip": float(np.abs(cubes.input - cubes.unguided)[region].mean()),
    }
    maps = {"likeness": SCORES["likeness"](cubes)}
    if variant.name == "as it is":
        maps |= {name: SCORES[name](cubes) for name in ("anomaly", "contrast", "class_contrast")}
        product = (cubes.healthy - cubes.input) * cubes.class_direction
        maps["likeness, not smoothed"] = np.clip(product, 0, None)
        maps["likeness, from x̂ unguided"] = SCORES["likeness"](replace(cubes, input=cubes.unguided))
        maps["likeness, axial slices only"] = axial_only(translation, one_step, scan)
    for name, values in maps.items():
        found = voxel_scores(values, truth, region) if truth.any() else None
        row[f"auprc/{name}"] = found.auprc if found else np.nan
    return row


def axial_only(translation: Translation, one_step: OneStep, scan: ScanSlices) -> Array:
    """Return the likeness score of axial slices alone; 0 where there is none."""

    def axial(slices: Array) -> Array:
        return uncut(slices.reshape(scan.stack.shape), scan.record.first)[0][2]

    parts = (scan.stack, translation.unguided, translation.healthy, one_step.class_direction, one_step.denoising_error)
    return SCORES["likeness"](FusedCubes(*map(axial, parts)))


def summary(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a row for each variant and score: AUPRC over patients, and AUROC of the log-odds."""
    rows = []
    for variant, members in table.groupby("variant", sort=False):
        control = members["label"] == "CN"
        scores = (members.loc[~control, "log_odds"], members.loc[control, "log_odds"])
        area = stats.mannwhitneyu(*scores).statistic / (control.sum() * (~control).sum())
        for column in (name for name in members if str(name).startswith("auprc/") and members[name].notna().any()):
            found = describe(members.loc[~control, [column]]).iloc[0]
            score = str(column).removeprefix("auprc/")
            rows.append(
                {
                    "variant": variant if score == "likeness" else score,
                    "voxel_auprc": {key: float(f"{found[key]:.4g}") for key in ("mean", "low", "high")},
                    "subject_auroc": float(f"{area:.3g}") if score == "likeness" else None,
                    "round_trip_error": float(f"{members['round_trip'].mean():.3g}") if score == "likeness" else None,
                    "subjects": len(members),
                }
            )
    return rows


def markdown(rows: list[dict[str, Any]]) -> str:
    lines = ["| variant | voxel AUPRC | patients against CN | round-trip error |", "| --- | --- | --- | --- |"]
    for row in rows:
        found = row["voxel_auprc"]
        cells = [f"{found['mean']:.3f} [{found['low']:.2f}, {found['high']:.2f}]"]
        cells += ["" if row[name] is None else f"{row[name]:.3g}" for name in ("subject_auroc", "round_trip_error")]
        lines.append(f"| {row['variant']} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def write(measured: list[dict[str, Any]], file: Path, page: Path) -> None:
    """Write what was measured, beside what other runs left there of other variants."""
    before = json.loads(file.read_text()) if file.is_file() else []
    names = {row["variant"] for row in measured}
    rows = [row for row in before if row["variant"] not in names] + measured
    file.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
    put_table(page, "ablation", markdown(rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder of the validity bench")
    parser.add_argument("--model", type=Path, help="the bench's model, if it was not trained there")
    parser.add_argument("--models", nargs="*", default=[], help="trainings to compare, each name=DIR")
    parser.add_argument("--size", type=int, default=48)
    parser.add_argument("--subjects", type=int, default=500)
    parser.add_argument("--each", type=int, default=4, help="subjects of CN, EMCI and AD")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--translations", default=",".join(TRANSLATIONS))
    parser.add_argument("--out", type=Path, default=PROJECT / "docs/benchmark/ablation.json")
    parser.add_argument("--page", type=Path, default=PROJECT / "docs/benchmark.md")
    arguments = parser.parse_args()

    slices = arguments.work / f"size-{arguments.size}" / f"training-{arguments.subjects}" / "slices"
    records = [(read_record(folder), folder) for folder in sorted(slices.iterdir())]
    chosen = [
        folder
        for label in ("CN", "EMCI", "AD")
        for folder in [folder for record, folder in records if (record.split, record.label) == ("val", label)][
            : arguments.each
        ]
    ]
    named = (pair.split("=", 1) for pair in arguments.models)
    wanted = [name for name in arguments.translations.split(",") if name]
    model = arguments.model or arguments.work / "model"
    variants = [Variant(name, model, TRANSLATIONS[name]) for name in wanted]
    variants += [Variant(name, Path(folder), BASE) for name, folder in named]
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    rows = []
    with multiprocessing.get_context("spawn").Pool(arguments.workers) as pool:
        for variant in tqdm(variants, unit="variant"):
            rows += pool.map(partial(judge, variant), chosen, chunksize=1)
            write(summary(pd.DataFrame(rows)), arguments.out, arguments.page)


if __name__ == "__main__":
    main()
