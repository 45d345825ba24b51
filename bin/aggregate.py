#!/usr/bin/env python3
"""Sum up a cohort: tables, figures, report."""

from pathlib import Path

import click

from cli import existing_directory, existing_file, output_directory, tool
from healthward.labels import Classes
from options.classes import classes_option, healthy_option


@tool
@click.argument("scores", type=existing_directory, nargs=-1, required=True)
@click.option("--calibrations", type=existing_directory, help="Folder that holds each scan's folder of calibrate.py.")
@click.option("--model", type=existing_directory, help="Model folder, whose training is shown.")
@click.option("--parameters", type=existing_file, help="Parameters of the run as a JSON object, shown in the report.")
@click.option(
    "--samplesheet",
    type=existing_file,
    help="Normalised samplesheet, for age, sex, site, who is a control, and columns of your own.",
)
@click.option("--skipped", type=existing_file, help="skipped.csv of check.py: the scans that were left out.")
@click.option("--preparations", type=existing_file, help="preparation.csv of gate.py.")
@click.option("--prepared", type=existing_directory, help="Folder that holds the folder of prepare.py of each scan.")
@classes_option
@healthy_option
@click.option("--ssim-threshold", type=click.FloatRange(-1, 1), default=0.6, help="List slices with a lower SSIM.")
@click.option("--lowest", type=click.IntRange(1), default=12, help="Least similar slices to list and draw at least.")
@click.option("--outlier-z", type=click.FloatRange(0, min_open=True), default=3.5, help="Robust z of an outlier.")
@click.option("--out", type=output_directory, required=True, help="Folder to write.")
def aggregate(
    scores: tuple[Path, ...],
    calibrations: Path | None,
    model: Path | None,
    parameters: Path | None,
    samplesheet: Path | None,
    skipped: Path | None,
    preparations: Path | None,
    prepared: Path | None,
    classes: Classes,
    healthy: str | None,
    ssim_threshold: float,
    lowest: int,
    outlier_z: float,
    out: Path,
) -> None:
    """Sum up the cohort of SCORES, the folders that score.py wrote, one a scan.

    OUT gets tables/ (slices, scans, outliers, lowest slices, classes compared, false positives, regions, skipped),
    figures/, report.html and, in summary.txt, the three lines to read first.

    \b
    Example:
      aggregate.py scores/* --model results/model --samplesheet samplesheet.csv --out results
    """
    import json

    import pandas as pd
    from tqdm import tqdm

    from healthward.cohort.covariates import COVARIATES
    from healthward.cohort.origins import check_calibrations, check_healthy, check_model, read_origins
    from healthward.cohort.summary import summarise
    from healthward.diffusion.model import load_model
    from healthward.errors import InputError
    from healthward.inputs.other_columns import other_columns
    from healthward.inputs.pseudonyms import without_secrets
    from healthward.inputs.results import COPY_AGAIN, SKIPPED_COLUMNS, read_object, read_table
    from healthward.inputs.samplesheet import read_sheet
    from healthward.report.figures import cohort_figures
    from healthward.report.page import render, summary_lines
    from healthward.report.scan_figures import scan_figures

    settings = {}
    if parameters is not None:
        try:
            settings = json.loads(parameters.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise InputError(f"{parameters}: no valid JSON ({error})") from None
        if not isinstance(settings, dict):
            raise InputError(f"{parameters}: holds no JSON object; give parameters by name")
        settings = without_secrets(settings)
    covariates, others = None, None
    if samplesheet is not None:
        # no image is opened, so the folder of a task must not be judged as that of images
        sheet = read_sheet(samplesheet, Path("/"), classes=classes, may_lack_label=True)
        if sheet.problems:
            raise InputError(sheet.problem_lines()[0])
        covariates = pd.DataFrame(sheet.rows)[["scan", "subject", "label", *COVARIATES, "control"]]
        covariates = covariates.replace("", None)
        others = other_columns(sheet.rows)
    if model is not None and (model / "config.json").is_file():
        # The report shows it, and is written last
        read_object(model / "config.json", COPY_AGAIN)
    left_out = None
    if skipped is not None:
        left_out = read_table(skipped, "check the scans again", SKIPPED_COLUMNS).fillna("")
    preparation = None
    if preparations is not None:
        preparation = read_table(preparations, "judge the prepared scans again", ("scan", "verdict", "reasons")).fillna(
            ""
        )
    healthy = healthy or classes.healthy
    origins = read_origins(scores)
    if model is not None:
        check_model(origins, model, load_model(model).digest())
    if calibrations is not None:
        check_calibrations(origins, calibrations)
    cohort = summarise(
        scores,
        healthy,
        ssim_threshold,
        lowest,
        outlier_z,
        covariates,
        calibrations,
        left_out,
        classes,
        others,
        {origin.scan for origin in origins.values() if origin.learned},
        preparation,
    )
    check_healthy(origins, healthy)
    cohort.write(out / "tables")
    figures = cohort_figures(cohort, lowest, out / "figures")
    drawn = scan_figures(cohort, out / "figures" / "scans")
    for _ in tqdm(drawn, "figures", len(cohort.scans), unit="scan", disable=None):
        pass
    pictures = {scan: prepared / scan / "picture.png" for scan in cohort.doubted} if prepared else {}
    (out / "report.html").write_text(render(cohort, figures, model, settings, pictures), encoding="utf-8")
    summary = "".join(f"{line}\n" for line in summary_lines(cohort, settings))
    (out / "summary.txt").write_text(summary, encoding="utf-8")
    click.echo(summary, nl=False)


if __name__ == "__main__":
    aggregate()
