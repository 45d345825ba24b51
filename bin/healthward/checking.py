"""The check of a whole run: scans, parameters and model, every problem found at once."""

import json
import logging
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from healthward.fields import SPLITS, Row
from healthward.inspection import inspect_all
from healthward.model_files import inspect_model
from healthward.parameters import completed, conforming, validate
from healthward.provenance import versions
from healthward.samplesheet import Sheet, read_scan, read_sheet
from healthward.split import audit_subjects, audit_voxels, split_for_model, split_for_training
from healthward.weights import BACKBONES, describe_absence, find_weights

logger = logging.getLogger(__name__)
SHEET_COLUMNS = ["scan", "subject", "image", "label", "split", "mask", "age", "sex", "site"]


@dataclass(frozen=True)
class Checked:
    """What a check found: a line for each problem and, when there is none, what the run starts from.

    `rows` are sorted by scan, `digests` are of their voxels, `conform` holds size, slice_range and fov. `warnings` name
    what will be left out, a line each.
    """

    problems: list[str]
    warnings: list[str]
    rows: list[Row]
    digests: list[str]
    conform: dict[str, Any]

    def write(self, folder: Path) -> None:
        """Write samplesheet.csv, split.csv, inputs.csv (of scans), warnings.txt, versions.json and conform.json."""
        folder.mkdir(parents=True, exist_ok=True)
        if self.rows:
            table = pd.DataFrame([asdict(row) for row in self.rows]).drop(columns="number")
            table["age"] = table["age"].astype(float)
            table["sha256"] = self.digests
            for name, columns in (
                ("samplesheet.csv", SHEET_COLUMNS),
                ("split.csv", ["scan", "subject", "label", "split"]),
                ("inputs.csv", ["scan", "image", "sha256"]),
            ):
                table[columns].to_csv(folder / name, index=False, float_format="%.6g")
            logger.info(self.summary())
        (folder / "warnings.txt").write_text("".join(f"{line}\n" for line in self.warnings), encoding="utf-8")
        for name, content in (("versions.json", versions()), ("conform.json", self.conform)):
            (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

    def summary(self) -> str:
        """Return in a line how many scans and subjects there are, and in which splits."""
        subjects = Counter(split for _, split in {(row.subject, row.split) for row in self.rows})
        divided = ", ".join(f"{split} {subjects[split]}" for split in SPLITS if subjects[split])
        return f"{len(self.rows)} scans of {subjects.total()} subjects are fit for use ({divided})"


def check(
    *,
    sheet_path: Path | None,
    scan: str | None,
    base: Path | None,
    parameters_path: Path | None,
    schema_path: Path,
    model: Path | None,
    embedding: Path | None,
    weights: Path | None,
    overrides: dict[str, Any],
    workers: int,
) -> Checked:
    """Check everything that is given, and stop at nothing.

    `base` is the folder that relative paths start from (the sheet's, or for a scan the current one, when None).
    `overrides` are parameters (of the split) that come before those of the file and the schema's defaults.
    """
    schema = json.loads(schema_path.read_text(encoding="utf-8"))
    config, problems = inspect_model(model, embedding) if model else (None, [])
    given, found = _read_parameters(parameters_path)
    problems += found
    if parameters_path and not found:
        problems = validate(given, schema, config) + problems
    parameters = completed(given, schema) | overrides

    rows: list[Row] = []
    digests: list[str] = []
    if sheet_path or scan:
        sheet = read_sheet(sheet_path, base) if sheet_path else read_scan(scan or "", base or Path())
        digests = _complete(sheet, workers)
        if model or scan:
            split_for_model(sheet)
        else:
            split_for_training(
                sheet,
                validation_fraction=parameters["validation_fraction"],
                test_fraction=parameters["test_fraction"],
                seed=parameters["seed"],
                healthy=parameters["healthy"],
            )
        audit_subjects(sheet)
        problems += sheet.problem_lines()
        order = sorted(range(len(sheet.rows)), key=lambda index: sheet.rows[index].scan)
        rows = [sheet.rows[index] for index in order]
        digests = [digests[index] for index in order]
    absent, warnings = _missing_weights(parameters, weights)
    problems += absent
    return Checked(problems, warnings, rows, digests, {} if problems else conforming(parameters, config))


def _missing_weights(parameters: dict[str, Any], folder: Path | None) -> tuple[list[str], list[str]]:
    """Return a problem for each metric that is asked for and lacks weights; a warning where none are asked for."""
    missing = [metric for metric in BACKBONES if metric not in find_weights(folder)]
    if folder is not None and not folder.is_dir():
        return [f"parameter weights: '{folder}' is no folder; give the one that holds the weights files"], []
    if parameters["train_only"] or not missing:
        return [], []
    if parameters["metrics"] is None:
        return [], [f"{line}; left out" for line in describe_absence(missing, folder).splitlines()]
    asked = [metric for metric in missing if metric in str(parameters["metrics"]).split(",")]
    return [f"parameter metrics: {line}" for line in describe_absence(asked, folder).splitlines()], []


def _read_parameters(path: Path | None) -> tuple[dict[str, Any], list[str]]:
    if path is None:
        return {}, []
    try:
        parameters = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        return {}, [f"{path.name}: line {error.lineno}, column {error.colno}: is not valid JSON ({error.msg}); mend it"]
    if not isinstance(parameters, dict):
        return {}, [f'{path.name}: holds no object; write {{"parameter": value, …}}']
    return parameters, []


def _complete(sheet: Sheet, workers: int) -> list[str]:
    """Open the volumes of every row, report what is wrong with them, and return the digests of the images."""
    inspections = inspect_all([(row.image, row.mask) for row in sheet.rows], workers)
    for row, inspection in zip(sheet.rows, inspections, strict=True):
        for column, text in inspection.problems:
            sheet.report(row.number, column, text)
    digests = [inspection.digest for inspection in inspections]
    audit_voxels(sheet, digests)
    return digests
