"""Who is who in a sheet: ids that read as one, and images that are one."""

from collections.abc import Iterable, Sequence

from healthward.imaging.signatures import Signature, earliest_copies
from healthward.inputs.fields import Row
from healthward.inputs.sheet import Sheet
from healthward.inputs.subjects import Namesakes
from healthward.wording import listed, shown

LONGEST_STUDY_YEARS = 30


def audit_ids(sheet: Sheet) -> list[str]:
    """Report every subject whose id says the same as an earlier one's, unless the sheet has both in one split.

    Within a split a person may count twice, but does not leak: that, and scans whose ids say the same, is a warning,
    returned as a line of each kind. A row without a split is about to be divided by its subject. Ids that differ in
    case alone are reported where a sheet is read.
    """
    splits: dict[str, set[str]] = {}
    for row in sheet.rows:
        splits.setdefault(row.subject.lower(), set()).add(row.split)
    within = []
    for row, earlier in _confusable(sheet.rows, "subject"):
        together = splits[row.subject.lower()] | splits[earlier.subject.lower()]
        if "" not in together and len(together) == 1:
            within.append((row, earlier))
        else:
            text = f"{shown(row.subject)} and {shown(earlier.subject)} of {sheet.place(earlier.number)} differ only in"
            mend = "write one subject's id one way, or rename one of two people"
            sheet.report(row.number, "subject", f"{text} zeros, separators, prefix or case; {mend}")
    # What is reported of a subject need not be reported of its scans
    reported = {row.subject for pair in _confusable(sheet.rows, "subject") for row in pair}
    scans = [pair for pair in _confusable(sheet.rows, "scan") if not reported.issuperset(row.subject for row in pair)]
    warnings = []
    for column, pairs in (("subject", within), ("scan", scans)):
        names = [
            f"{shown(getattr(row, column))} ({sheet.place(row.number)}) and {shown(getattr(earlier, column))} "
            f"({sheet.place(earlier.number)})"
            for row, earlier in pairs
        ]
        if names:
            warnings.append(f"{sheet.name}, {column}: {listed(names)} differ only in zeros, separators, prefix or case")
    return warnings


def audit_people(sheet: Sheet) -> list[str]:
    """Return a line for the subjects that can hardly be one person: of two sexes, or of ages that no study spans."""
    visits: dict[str, list[Row]] = {}
    for row in sheet.rows:
        visits.setdefault(row.subject, []).append(row)
    doubted = []
    for subject, rows in visits.items():
        by_sex = {row.sex: row for row in reversed(rows) if row.sex}
        aged = sorted((row for row in rows if row.age is not None), key=lambda row: row.age or 0)
        if subject and len(by_sex) > 1:
            found = [f"{row.sex} in {sheet.place(row.number)}" for row in by_sex.values()]
        elif subject and aged and (aged[-1].age or 0) - (aged[0].age or 0) > LONGEST_STUDY_YEARS:
            found = [f"{row.age:g} years in {sheet.place(row.number)}" for row in (aged[0], aged[-1])]
        else:
            continue
        doubted.append(f"{shown(subject)} ({' and '.join(sorted(found))})")
    text = "two people under one id? Give each their own"
    return [f"{sheet.name}, subject: {listed(doubted)}: {text}"] if doubted else []


def _confusable(rows: Iterable[Row], column: str) -> list[tuple[Row, Row]]:
    """Return each first row of an id with the first of an id that says the same in other letters and signs."""
    written: set[str] = set()
    said = Namesakes[Row]()
    pairs = []
    for row in rows:
        name = getattr(row, column)
        if name and name.lower() not in written:
            written.add(name.lower())
            if earlier := said.get(name):
                pairs.append((row, earlier))
            said.add(name, row)
    return pairs


def audit_voxels(sheet: Sheet, digests: Sequence[str], signatures: Sequence[Signature | None]) -> None:
    """Report every row with the same voxels as an earlier one, or with a copy of them.

    `digests` and `signatures` are of the rows, empty and None where unknown.
    """
    first: dict[str, int] = {}
    twins = {index: first.setdefault(digest, index) for index, digest in enumerate(digests) if digest}
    distinct = [each if twins.get(index) == index else None for index, each in enumerate(signatures)]
    copies = earliest_copies(distinct)
    for index, row in enumerate(sheet.rows):
        twin = twins.get(index, index)
        earlier = sheet.rows[copies.get(index, twin)]
        where = f"{sheet.place(earlier.number)} ({shown(earlier.image)})"
        if index in copies:
            text = f"is a turned, mirrored, cropped, rescaled or retyped copy of {where}; keep one of them"
            sheet.report(row.number, "image", f"{shown(row.image)} {text}")
        elif twin != index:
            sheet.report(row.number, "image", f"{shown(row.image)} has the same voxels as {where}; keep one of them")
