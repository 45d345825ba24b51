"""The classes of a run: how they are named, ordered and numbered, and the codes that stand for them."""

import re

import pytest

from healthward.labels import ADNI, PROTOTYPE_CODES, are_classes, parsed_classes, parsed_codes

STUDY = parsed_classes("HC,SCD,DEM")


def test_the_classes_of_adni_keep_the_prototypes_numbers() -> None:
    assert parsed_classes("CN,EMCI,MCI,LMCI,AD") == ADNI
    assert [ADNI.condition(label) for label in ADNI] == [1, 2, 3, 4, 5]
    assert PROTOTYPE_CODES == {"1": "CN", "2": "EMCI", "3": "MCI", "4": "LMCI", "5": "AD"}


def test_classes_are_numbered_by_their_order_and_the_first_is_healthy() -> None:
    assert STUDY.healthy == "HC"
    assert [STUDY.condition(label) for label in ("DEM", "HC", "SCD")] == [3, 1, 2]
    assert STUDY.among(["DEM", "HC", "DEM", "other"]) == ["HC", "DEM"]


@pytest.mark.parametrize("text", ["a,b", " HC , pre-MCI ,AD_2 ", ",".join(f"C{n}" for n in range(20)), "Allein,Nana"])
def test_names_of_ones_own_are_classes(text: str) -> None:
    assert list(parsed_classes(text)) == [name.strip() for name in text.split(",")]


BAD_CLASSES = [
    ("CN", "'CN' names 1; give 2 to 20 classes, the healthy one first"),
    (",".join(f"C{n}" for n in range(21)), "names 21; give 2 to 20 classes"),
    ("CN,cn", "'CN' and 'cn' are one name; give each class its own"),
    ("1,2", "'1' is no name of a class; write letters, digits, _ and -, at most 24, a letter first"),
    ("CN,,AD", "'' is no name of a class"),
    ("", "'' is no name of a class"),
    ("CN,A$D", "'A$D' is no name of a class"),
    ("CN,A D", "'A D' is no name of a class"),
    ("CN,Ä", "'Ä' is no name of a class"),
    ("CN,AD\n", None),
    ("CN,A\nD", "'A\\nD' is no name of a class"),
    ("CN," + "x" * 25, "is no name of a class"),
    ("CN,NaN", "'NaN' means something else to programs and tables; call the class otherwise"),
    ("none,AD", "'none' means something else"),
    ("CN,inf", "'inf' means something else"),
    ("All,AD", "'All' means something else"),
    ("True,False", "'True' means something else"),
]


@pytest.mark.parametrize(("text", "line"), BAD_CLASSES)
def test_what_names_no_classes_is_one_line(text: str, line: str | None) -> None:
    if line is None:
        assert parsed_classes(text) == ("CN", "AD")
        return
    with pytest.raises(ValueError, match=re.escape(line)) as refused:
        parsed_classes(text)
    assert str(refused.value).isprintable()


def test_a_list_of_json_names_classes_or_not() -> None:
    assert are_classes(["CN", "AD"])
    for other in (["CN"], ["CN", 5], ["CN", " AD"], ["CN,AD", "MCI"], {"CN": 1, "AD": 2}, "CN,AD", 5, None, []):
        assert not are_classes(other), other


@pytest.mark.parametrize("text", ["SCD", "scd", " Scd "])
def test_a_label_names_a_class_in_any_case(text: str) -> None:
    assert STUDY.named(text) == "SCD"


@pytest.mark.parametrize("text", ["CN", "2", "SC", ""])
def test_what_names_no_class_is_reported_with_those_that_there_are(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no class.*; write one of HC, SCD, DEM$"):
        STUDY.named(text)


def test_codes_stand_for_the_classes_of_the_run() -> None:
    assert parsed_codes("0=hc,1=SCD,dementia=DEM", STUDY) == {"0": "HC", "1": "SCD", "dementia": "DEM"}
    with pytest.raises(ValueError, match=r"'0=CN' is no value=CLASS; .* such as 1=HC,2=SCD,3=DEM$"):
        parsed_codes("0=CN", STUDY)
    assert ADNI.codes_example == "1=CN,2=MCI,3=AD"
    assert parsed_classes("HC,AD").codes_example == "1=HC,2=AD"
