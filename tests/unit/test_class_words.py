"""Which class counts as healthy, and when that is asked about."""

import pytest

from healthward.checks.class_words import compared, doubted_health, doubted_order, says_health
from healthward.labels import ADNI, parsed_classes


@pytest.mark.parametrize(
    ("classes", "healthy", "reason"),
    [
        ("AD,CN,MCI", "AD", "AD is a disease by its name"),
        ("patient,control", "patient", "patient is a disease by its name"),
        ("MCI,AD", "MCI", "MCI is a disease by its name"),
        ("SCD,HC,DEM", "SCD", "HC is a name of health, too"),
        ("A,Non-Demented", "A", "Non-Demented is a name of health, too"),
    ],
)
def test_a_healthy_class_that_is_a_disease_by_its_name_is_asked_about(classes: str, healthy: str, reason: str) -> None:
    assert doubted_health(parsed_classes(classes), healthy).startswith(f"{reason}, and {healthy} counts as the healthy")


@pytest.mark.parametrize("classes", ["CN,MCI,AD", "HC,SCD,DEM", "A,B,C", "Young,Old", "healthy_control,PD", "CU,NC,AD"])
def test_other_classes_pass_in_silence(classes: str) -> None:
    assert doubted_health(parsed_classes(classes), classes.split(",")[0]) == ""


def test_stages_in_another_order_are_asked_about() -> None:
    assert doubted_order(parsed_classes("CN,AD,MCI")).startswith("CN, AD, MCI are not from healthy to most severe")
    assert all(doubted_order(parsed_classes(each)) == "" for each in ("CN,MCI,AD", "HC,SCD,AD", "A,C,B", "CN,AD,FTD"))


def test_the_line_names_who_is_compared() -> None:
    assert compared(ADNI, "CN", "AD") == "healthy: CN; disease: AD; other classes: EMCI, MCI, LMCI"
    assert compared(parsed_classes("HC,PD"), "HC", "PD") == "healthy: HC; disease: PD"
    assert says_health("Healthy_Control")
    assert not says_health("AD")
