"""Names of volumes mean the same to the library and to Nextflow, which stages them."""

import re

from healthward.inputs.volume_names import VOLUME_SUFFIXES, without_suffix
from runs import PROJECT


def test_nextflow_stages_what_the_library_opens() -> None:
    text = (PROJECT / "modules/inputs.nf").read_text(encoding="utf-8")
    [pattern] = re.findall(r"path\.name ==~ /(\(\?i\)\.\+.*?)/ ", text)
    for suffix in VOLUME_SUFFIXES:
        assert re.fullmatch(pattern, f"Scan 1{suffix.upper()}")
    assert not re.fullmatch(pattern, "scan.csv")


def test_a_name_without_its_suffix() -> None:
    names = ("a.nii", "a.NII.GZ", "a.hdr", "a.img", "a.mgz", "a.mgh", "a", "a.b.nii")
    assert [without_suffix(name) for name in names] == ["a"] * 7 + ["a.b"]
