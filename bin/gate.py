#!/usr/bin/env python3
"""Judge all prepared scans, and leave out those that may not be used."""

from pathlib import Path

import click

from cli import existing_directory, existing_file, existing_path, output_directory, tool


@tool
@click.argument("prepared", type=existing_directory, nargs=-1, required=True)
@click.option("--samplesheet", type=existing_file, required=True, help="Normalised samplesheet of check.py.")
@click.option("--rows", type=existing_file, required=True, help="Its rows.csv.")
@click.option("--skipped", type=existing_file, help="Its skipped.csv: scans that are left out already.")
@click.option("--model", type=existing_path, help="A given model, which tells how the scans of its training look.")
@click.option("--skip-bad-scans/--stop-at-bad-scans", default=False, help="Leave out bad scans, and say so, or stop.")
@click.option(
    "--problems",
    "problems_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the problems to this file, one a line (none: an empty file), and end with status 0.",
)
@click.option("--out", type=output_directory, required=True, help="Folder to write.")
def gate(
    prepared: tuple[Path, ...],
    samplesheet: Path,
    rows: Path,
    skipped: Path | None,
    model: Path | None,
    skip_bad_scans: bool,
    problems_path: Path | None,
    out: Path,
) -> None:
    """Judge the scans of PREPARED, the folders that prepare.py wrote, one a scan.

    Scans of a training, or of a --model's, tell how tissue looks, which is a figure of the others. OUT gets
    preparation.csv (a row a scan: verdict, reasons and figures), and samplesheet.csv, rows.csv and skipped.csv as they
    were given but for the scans whose verdict is bad.

    \b
    Example:
      gate.py prepared/* --samplesheet checked/samplesheet.csv --rows checked/rows.csv --out gated
    """
    import logging

    import pandas as pd

    from healthward.diffusion.model_files import CONFIG
    from healthward.errors import InputError
    from healthward.inputs.results import SKIPPED_COLUMNS, read_object, read_table
    from healthward.preparation.appearance import appearance_in
    from healthward.preparation.table import judge_all, preparation_table

    again = "check the scans again"
    sheets = {file.name: pd.read_csv(file, dtype=str, keep_default_na=False) for file in (samplesheet, rows)}
    config = model / CONFIG if model else None
    usual = appearance_in(read_object(config, again).get("appearance")) if config and config.is_file() else None
    training = set() if model else set(sheets[rows.name].query("split == 'train'")["scan"])
    table = preparation_table(prepared, training, usual)
    found = judge_all(table, skip_bad_scans)
    out.mkdir(parents=True, exist_ok=True)
    table.to_csv(out / "preparation.csv", index=False, float_format="%.6g")
    if problems_path:
        problems_path.write_text("".join(f"{line}\n" for line in found.problems), encoding="utf-8")
    elif found.problems:
        raise InputError("\n".join(found.problems))
    if found.problems:
        return
    for line in found.warnings:
        logging.getLogger(__name__).warning(line)
    (out / "warnings.txt").write_text("".join(f"{line}\n" for line in found.warnings), encoding="utf-8")
    for name, sheet in sheets.items():
        sheet[~sheet["scan"].isin(found.bad)].to_csv(out / name, index=False)
    left_out = read_table(skipped, again, SKIPPED_COLUMNS).fillna("") if skipped else pd.DataFrame()
    gone = sheets[rows.name].query("scan in @found.bad")[["scan", "subject", "label"]]
    gone = gone.assign(reason="preparation: " + gone["scan"].map(found.bad))
    (out / "skipped.csv").unlink(missing_ok=True)
    if len(left_out) or len(gone):
        both = pd.concat([left_out, gone]).sort_values("scan")
        both.to_csv(out / "skipped.csv", index=False)


if __name__ == "__main__":
    gate()
