"""The images that Nextflow stages are those that check.py opens: both read a sheet's cells alike."""

import json
from pathlib import Path

from healthward.inputs.samplesheet import read_sheet
from runs import PROJECT, launch

HARNESS = """
include {{ namedSheet }} from '{project}/modules/inputs'

workflow {{
    def staged = {sheets}.collect {{ sheet -> namedSheet(sheet)[1].collect {{ path -> path.name }} }}
    println(groovy.json.JsonOutput.toJson(staged))
}}
"""
BLANKS = " \v\x1c\x1f\x85\u00a0\u1680\u2007\u2028\u202f\u205f\u3000"


def test_blanks_of_every_kind_around_a_path_are_none_of_it(tmp_path: Path) -> None:
    images = [f"{number}.nii" for number, _ in enumerate(BLANKS)]
    for image in images:
        (tmp_path / image).touch()
    around = [f"{blank}{image}{blank}" for blank, image in zip(BLANKS, images, strict=True)]
    rows = [f's{number},p{number},"{image}",CN' for number, image in enumerate(around)]
    (tmp_path / "sheet.csv").write_text("\n".join(["scan,subject,image,label", *rows]))
    (tmp_path / "dataset.json").write_text(json.dumps([{"image": image, "slice_label": 1} for image in around]))
    sheets = [str(tmp_path / name) for name in ("sheet.csv", "dataset.json")]
    (tmp_path / "main.nf").write_text(HARNESS.format(project=PROJECT, sheets=sheets))
    output, _ = launch(tmp_path, "run", "main.nf", "-ansi-log", "false").communicate()
    staged = json.loads(output[output.index("[[") :].splitlines()[0])
    for path, (sheet, *names) in zip(sheets, staged, strict=True):
        assert sheet == Path(path).name
        assert names == images == [Path(row.image).name for row in read_sheet(Path(path)).rows]
