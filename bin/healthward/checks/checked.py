"""What a check found, and the files that the run starts from."""

import json
import logging
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from healthward.inputs.fields import COLUMNS, SPLITS, Row
from healthward.inputs.other_columns import other_columns
from healthward.inputs.provenance import versions
from healthward.inputs.pseudonyms import write_key
from healthward.inputs.results import SKIPPED_COLUMNS

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Skipped:
    """A scan that is left out, and why, without the place of its files."""

    row: Row
    reason: str


@dataclass(frozen=True)
class Checked:
    """What a check found: a line for each problem and, when there is none, what the run starts from.

    `rows` are sorted by scan, `digests` are of their voxels, `conform` holds size, slice_range and fov, `cubes` names
    the fused ones that the wanted scores take beside those that are always made. `warnings` name what will be left out,
    is odd or in doubt, a line each, and `skipped` are the scans left out. Where ids are pseudonyms, `key` has every row
    with the ids of the sheet. `comparison` says which classes are compared.
    """

    problems: list[str]
    warnings: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    conform: dict[str, Any] = field(default_factory=dict)
    cubes: list[str] = field(default_factory=list)
    key: list[tuple[Row, Row]] = field(default_factory=list)
    comparison: str = ""

    def write(self, folder: Path) -> None:
        """Write samplesheet.csv, rows.csv, split.csv, inputs.csv, warnings.txt, and what later stages are given.

        That is conform.json and cubes.txt; versions.json is for the user. Where scans are left out, skipped.csv says
        why; where there are pseudonyms, pseudonyms.csv says whose. Those of an earlier check go.
        """
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("skipped.csv", "pseudonyms.csv"):
            (folder / name).unlink(missing_ok=True)
        if self.rows:
            table = pd.DataFrame([asdict(row) for row in self.rows])
            table["age"] = table["age"].astype(float)
            table["sha256"] = self.digests
            full = table[list(COLUMNS)].merge(other_columns(self.rows), on="scan", validate="1:1")
            full.to_csv(folder / "samplesheet.csv", index=False, float_format="%.6g")
            for name, columns in (
                # Without columns of the user's own: Nextflow's reader of CSV stumbles over quotes within a cell
                ("rows.csv", list(COLUMNS)),
                ("split.csv", ["scan", "subject", "label", "split"]),
                ("inputs.csv", ["scan", "sha256"] if self.key else ["scan", "image", "sha256"]),
            ):
                table[columns].to_csv(folder / name, index=False, float_format="%.6g")
            logger.info(self.summary())
            logger.info(self.comparison)
        if self.skipped:
            left_out = [(each.row.scan, each.row.subject, each.row.label, each.reason) for each in self.skipped]
            pd.DataFrame(left_out, columns=list(SKIPPED_COLUMNS)).to_csv(folder / "skipped.csv", index=False)
        if self.key:
            write_key(folder / "pseudonyms.csv", self.key)
        (folder / "warnings.txt").write_text("".join(f"{line}\n" for line in self.warnings), encoding="utf-8")
        (folder / "cubes.txt").write_text(",".join(self.cubes) + "\n", encoding="utf-8")
        for name, content in (("versions.json", versions()), ("conform.json", self.conform)):
            (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

    def summary(self) -> str:
        """Return in a line how many scans and subjects there are, and in which splits."""
        subjects = Counter(split for _, split in {(row.subject, row.split) for row in self.rows})
        divided = ", ".join(f"{split} {subjects[split]}" for split in SPLITS if subjects[split])
        return f"{len(self.rows)} scans of {subjects.total()} subjects are fit for use ({divided})"
