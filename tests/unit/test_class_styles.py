from healthward.labels import ADNI, UNKNOWN, Classes
from healthward.report.class_styles import COLOURS, colours, markers

STUDY = Classes(("HC", "SCD", "DEM"))


def test_the_styles_of_the_classes_of_adni_are_what_they_always_were() -> None:
    assert [colours(ADNI)[label] for label in ADNI] == ["#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00"]
    assert [markers(ADNI)[label] for label in ADNI] == ["o", "s", "^", "D", "v"]


def test_the_style_of_a_class_goes_by_its_place() -> None:
    assert colours(STUDY) == {"HC": "#0072B2", "SCD": "#56B4E9", "DEM": "#009E73", UNKNOWN: "#7A7A7A"}
    assert markers(STUDY) == {"HC": "o", "SCD": "s", "DEM": "^", UNKNOWN: "o"}


def test_as_many_classes_as_there_may_be_have_styles_of_their_own() -> None:
    many = Classes(f"C{number}" for number in range(20))
    colour, marker = colours(many), markers(many)
    assert len({(colour[label], marker[label]) for label in many}) == 20
    assert {colour[label] for label in many} == set(COLOURS)
