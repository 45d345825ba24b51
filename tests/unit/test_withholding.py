"""What a model learned from is train again and no control, and what is new to it is held out."""

from dataclasses import replace

import numpy as np
import pytest

from healthward.checks.withholding import (
    Learned,
    hold_out_new,
    namesakes_warning,
    pseudonyms_warning,
    return_people,
    return_to_training,
    trust_warning,
    withhold_trained,
)
from healthward.imaging.signatures import Signature, signature
from healthward.inputs.fields import Row
from healthward.inputs.pseudonyms import pseudonym, pseudonymised
from healthward.inputs.sheet import Sheet

RANDOM = np.random.default_rng(0)
SCANS = [signature(RANDOM.normal(500, 100, (12, 13, 14))) for _ in range(4)]
SALT = "a long secret"


def row(number: int, subject: str, split: str = "", scan: str = "") -> Row:
    return Row(number, scan or f"s{number}x", subject, f"/{number}.nii", "CN", split, "", None, "", "")


def sheet_of(*rows: Row) -> Sheet:
    return Sheet("sheet.csv", "row", list(rows))


def splits(sheet: Sheet) -> list[str]:
    return [row.split for row in sheet.rows]


def halved(each: Signature) -> Signature:
    return Signature(each.shape, each.values / 2, each.step / 2)


def test_a_scan_that_the_model_was_trained_on_is_train_with_all_of_its_person() -> None:
    sheet = sheet_of(row(2, "a"), row(3, "a"), row(4, "b", "test"), row(5, "c"), row(6, "d", "train"))
    found = [SCANS[0], None, halved(SCANS[1]), SCANS[2], SCANS[3]]
    lines = return_to_training(sheet, found, [SCANS[1], SCANS[0], SCANS[3]])
    assert [row.split for row in sheet.rows] == ["train", "train", "train", "", "train"]
    assert lines == [
        "the model was trained on 2 of the 5 scans, as the voxels tell: s2x, s4x; train again, and no controls",
        "the model was trained on the subjects of 1 more scan: s3x; train, too",
        "sheet.csv, split: that of row 4 gives way to 'train'",
    ]


def test_scans_that_are_new_to_the_model_stay_as_they_are() -> None:
    sheet = sheet_of(row(2, "a", "val"), row(3, "b"))
    assert return_to_training(sheet, [SCANS[0], SCANS[1]], SCANS[2:]) == []
    assert [row.split for row in sheet.rows] == ["val", ""]


def test_copies_within_a_training_do_not_hide_it() -> None:
    sheet = sheet_of(row(2, "a"), row(3, "b"))
    return_to_training(sheet, [halved(SCANS[0]), SCANS[1]], [SCANS[0], SCANS[0]])
    assert [row.split for row in sheet.rows] == ["train", ""]


def test_a_model_that_does_not_tell_is_trusted_aloud() -> None:
    assert trust_warning("x.pt").endswith(
        "'x.pt' does not hold what it was trained on: that the scans are new to it is on trust"
    )


def test_scans_called_as_those_of_a_training_are_reported_unless_they_are_train() -> None:
    sheet = sheet_of(row(2, "a", "", "cn0"), row(3, "b", "train", "cn1"), row(4, "c", "", "new"))
    assert namesakes_warning(sheet, Learned(None, {"cn0", "cn1"})) == [
        "the model: give 1 scan with the ids of its training scans (cn0) the split train if they are these, "
        "processed anew"
    ]
    assert namesakes_warning(sheet, Learned(None, {"cn1", "z"})) == []


def test_restripped_scans_are_known_by_their_pseudonyms_too() -> None:
    learned = Learned(None, {pseudonym("scan", "cn0", SALT), "cn1"}, salt=SALT)
    sheet = sheet_of(row(2, "a", "", "cn0"), row(3, "b", "", "cn1"), row(4, "c", "", "cn2"))
    [line] = namesakes_warning(sheet, learned)
    assert "give 2 scans with the ids of its training scans (cn0, cn1)" in line
    other = Learned(None, learned.scans, salt="another secret")
    assert "(cn1)" in namesakes_warning(sheet, other)[0]


@pytest.mark.parametrize(
    ("known", "salt"),
    [("002_S_0413", None), (pseudonym("person", "2-s-413", SALT), SALT)],
    ids=["id", "pseudonym"],
)
def test_people_that_the_model_learned_from_are_train_at_another_visit(known: str, salt: str | None) -> None:
    sheet = sheet_of(row(2, "2-s-413"), row(3, "2-s-413", "test"), row(4, "2_S_4130"), row(5, ""))
    [line] = return_people(sheet, Learned((), set(), {known, "x"}, salt))
    assert splits(sheet) == ["train", "train", "", ""]
    assert line.startswith(
        "the model: 2 scans of subjects with the ids of people that it learned from (s2x, s3x): train"
    )
    assert return_people(sheet, Learned(None)) == []


@pytest.mark.parametrize(
    ("known", "subject", "image"),
    [
        ("OAS1_0010_MR1", "OAS1_0010_MR2", "/1.nii"),
        ("002_S_0413", "002_S_0413_m12", "/1.nii"),
        ("002_S_0413_m12", "2_s_413", "/1.nii"),
        ("002_S_0413", "study seven", "/adni/002_S_0413/T1.nii"),
        ("V1_IXI012", "IXI012", "/1.nii"),
        ("OAS1_0010_MR1", "sub-OASIS10010", "/1.nii"),
        ("002_S_0413", "0413", "/adni/002_S_0413/T1.nii"),
        ("002_S_0413", "study seven", "/bids/sub-ADNI002S0413/n0.nii"),
        ("101-021", "sub-101021", "/1.nii"),
        ("sub-TUMMS021", "TUM_MS_021_m12", "/1.nii"),
    ],
)
def test_people_of_a_training_are_known_whatever_the_visit(known: str, subject: str, image: str) -> None:
    sheet = sheet_of(replace(row(2, subject), image=image), replace(row(3, f"x{subject}"), image="/2.nii"))
    assert len(return_people(sheet, Learned((), set(), {known}))) == 1
    assert splits(sheet) == ["train", ""]


@pytest.mark.parametrize(
    ("trained", "now"),
    [
        ("100307", "sub-100307"),
        ("002_S_0413", "sub-ADNI002S0413_ses-M12"),
        ("sub-ADNI011S0021", "11_s_21"),
        ("OAS30001", "sub-OAS30001_MR_d3000"),
        ("P07", "sub-P7"),
        ("101-021", "sub-101021"),
        ("sub-TUMMS021", "TUM-MS021"),
        ("OAS1_0003_MR1", "OAS1_0003_MR2"),
        ("sub-01234_ses-M00", "1234"),
        ("002_S_0413_bl", "002_S_0413_m24"),
    ],
)
def test_people_are_known_by_their_pseudonyms_in_every_spelling(trained: str, now: str) -> None:
    [learned] = pseudonymised([row(2, trained)], SALT)
    sheet = sheet_of(replace(row(2, now), scan="a"), row(3, "100308"), row(4, "101-022"))
    [line] = return_people(sheet, Learned((), set(), {learned.subject}, SALT))
    assert ("(a)" in line, splits(sheet)[1:]) == (True, ["", ""])
    assert return_people(sheet_of(row(2, now)), Learned((), set(), {learned.subject}, "another secret")) == []


def test_people_of_a_training_are_known_by_a_column_of_ids() -> None:
    sheet = sheet_of(replace(row(2, "0413"), others=(("PTID", "002_S_0413"),)), row(3, "1413"))
    assert len(return_people(sheet, Learned((), set(), {"002_S_0413"}))) == 1
    assert splits(sheet) == ["train", ""]


def test_a_model_of_pseudonyms_asks_for_their_secret() -> None:
    people = {pseudonym("person", name, SALT) for name in ("a", "b")}
    [line] = pseudonyms_warning(Learned((), set(), people))
    assert line.startswith("the model knows its people by pseudonyms")
    assert pseudonyms_warning(Learned((), set(), people, SALT)) == []
    assert pseudonyms_warning(Learned((), set(), {*people, "p7"})) == []


def test_an_id_that_only_counts_does_not_hide_a_better_one() -> None:
    sheet = sheet_of(replace(row(2, "IXI012"), image="/bids/sub-01/T1w.nii"))
    return_people(sheet, Learned((), set(), {"sub-01", "IXI012"}))
    assert splits(sheet) == ["train"]


def test_an_id_of_adni_by_its_last_number_is_asked_about() -> None:
    sheet = sheet_of(row(2, "413"))
    [line] = return_people(sheet, Learned((), set(), {"002_S_0413"}))
    assert line.startswith("the model: give 1 scan of subjects who are called as people of its training")
    assert splits(sheet) == [""]


@pytest.mark.parametrize(
    ("known", "new"),
    [
        ("IXI012", "IXI012-HH-1211"),
        ("1123", "sub-AIBL1123"),
        ("PPMI_3000", "3000"),
        ("NACC123456", "123456"),
        ("Caltech_0051456", "0051456"),
        ("miriad_188_AD_M", "miriad_188"),
        ("100307", "100307_3T"),
    ],
)
def test_an_id_with_a_study_or_a_site_at_one_end_is_asked_about(known: str, new: str) -> None:
    for learned, name in ((known, new), (new, known)):
        sheet = sheet_of(row(2, name), row(3, "IXI013-HH-1211"), row(4, "HC_12"), row(5, "12"))
        [line] = return_people(sheet, Learned((), set(), {learned, "MYS012", "PAT_12_2", "p0123456789"}))
        assert line.startswith("the model: give 1 scan of subjects who are called as people of its training (s2x)")
        assert splits(sheet) == [""] * 4


@pytest.mark.parametrize("name", ["sub-01", "7", "P012", "cn000", "Patient_3", "PAT001", "CON_001", "BRAIN_001"])
def test_ids_that_only_count_are_told_and_their_people_stay_new(name: str) -> None:
    sheet = sheet_of(row(2, name), row(3, "IXI012"))
    [line] = return_people(sheet, Learned((), set(), {name}))
    assert splits(sheet) == ["", ""]
    assert line.startswith("the model: give 1 scan of subjects who are called as people of its training (s2x)")
    assert len(return_people(sheet, Learned((), set(), {"IXI012"}))) == 1
    assert splits(sheet) == ["", "train"]


def test_scans_that_the_sheet_calls_trained_on_and_the_model_does_not_know_are_test() -> None:
    sheet = sheet_of(row(2, "a", "train"), row(3, "b", "train"), row(4, "c", "val"), row(5, "d", "test"), row(6, "e"))
    found = [SCANS[0], SCANS[1], SCANS[2], SCANS[3], None]
    lines = withhold_trained(sheet, found, "m", Learned([SCANS[0]]), tuned=False)
    assert splits(sheet) == ["train", "test", "test", "test", ""]
    assert lines == [
        "the model did not learn from 2 scans that the sheet calls train or val: s3x, s4x; test, whatever its column "
        "split says"
    ]


def test_scans_to_tune_on_and_those_called_as_trained_ones_stay_as_the_sheet_says() -> None:
    sheet = sheet_of(row(2, "a", "val"), row(3, "b", "train", "cn0"), row(4, "b", "train"), row(5, "c", "train"))
    assert len(hold_out_new(sheet, [None] * 4, Learned([SCANS[0]], {"cn0"}), tuned=True)) == 1
    assert splits(sheet) == ["val", "train", "train", "test"]


def test_of_a_model_that_does_not_tell_the_sheet_is_believed() -> None:
    sheet = sheet_of(row(2, "a", "val"), row(3, "b", "train"))
    assert withhold_trained(sheet, SCANS[:2], "x.pt", Learned(None), tuned=False) == [trust_warning("x.pt")]
    assert splits(sheet) == ["val", "train"]
