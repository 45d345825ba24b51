"""Which scans a given model learned from: they train again, whatever the sheet says, and are no controls."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from healthward.imaging.signatures import Signature, earliest_copies
from healthward.inputs.fields import Row
from healthward.inputs.pseudonyms import is_pseudonym, pseudonym
from healthward.inputs.sheet import Sheet
from healthward.inputs.subjects import (
    STUDY,
    Namesakes,
    is_column_of_ids,
    only_counts,
    person_of,
    spellings,
    subject_in_path,
    without_visit,
)
from healthward.wording import counted, listed, shown

MOST_NAMED = 20

Known = Literal["certain", "likely"]


@dataclass(frozen=True)
class Learned:
    """What a model tells of its training: signatures (None where it does not), ids of scans, and ids of subjects.

    `salt` is that of the run's pseudonyms, by which these ids may be those of the sheet.
    """

    signatures: Sequence[Signature] | None
    scans: set[str] = field(default_factory=set)
    subjects: set[str] = field(default_factory=set)
    salt: str | None = None

    def names_scan(self, row: Row) -> bool:
        """Return whether a scan of this id was learned from."""
        names = {row.scan} | ({pseudonym("scan", row.scan, self.salt)} if self.salt else set())
        return not self.scans.isdisjoint(names)

    def person_test(self) -> Callable[[Row], Known | None]:
        """Return the function that tells whether someone of a row was learned from, at whatever visit.

        Its subject says it, the subject in the image's path or in the scan's id, or a column of ids. What only counts,
        or adds the name of a study to an id or leaves it out, is likely alone: another study may have it, too.
        """
        known, clear = Namesakes[str](), Namesakes[str]()
        for subject in sorted(self.subjects):
            known.add(without_visit(subject), subject)
            if not is_pseudonym(subject):
                clear.add(without_visit(subject), subject)
            person = person_of(subject)
            if len(person) == 3 and person[1] == "s":
                # ADNI calls 002_S_0413 by its last number, too
                known.add(person[2], subject)

        def known_as(row: Row) -> Known | None:
            studies = [found.group() for text in (row.image, row.scan) if (found := STUDY.search(text))]
            columns = [text for name, text in row.others if is_column_of_ids(name)]
            ids = [*studies, subject_in_path(row.image) or "", *columns, row.subject]
            people = {without_visit(each): each for each in ids if each}
            same = []
            for person, each in people.items():
                names = {person, each}
                if self.salt:
                    said = (spelling for name in names for spelling in spellings(name))
                    names |= {pseudonym("person", "_".join(spelling), self.salt) for spelling in said}
                    names |= {pseudonym("person", name, self.salt) for name in (person, each)}
                if any(known.get(without_visit(name)) for name in names):
                    same.append(person)
            if any(not only_counts(person) for person in same):
                return "certain"
            return "likely" if same or any(map(clear.resembles, people)) else None

        return known_as


def withhold_trained(
    sheet: Sheet, signatures: Sequence[Signature | None], model: str, learned: Learned, tuned: bool
) -> list[str]:
    """Make train scans of those that the model was trained on, as far as it tells, and test scans of new ones.

    `signatures` are of the rows, None where unknown. Where settings are `tuned`, scans to validate on stay so.
    Returns what to say of it, a line each.
    """
    if learned.signatures is None:
        lines = [trust_warning(model)]
    else:
        lines = return_to_training(sheet, signatures, learned.signatures)
    lines += return_people(sheet, learned)
    if learned.signatures is not None:
        lines += hold_out_new(sheet, signatures, learned, tuned)
    return lines + namesakes_warning(sheet, learned) + pseudonyms_warning(learned)


def return_to_training(sheet: Sheet, signatures: Sequence[Signature | None], trained: Sequence[Signature]) -> list[str]:
    """Give the split "train" to every scan that is among the `trained` ones, and to all of its subject's.

    `signatures` are of the rows, None where unknown. Whatever split the sheet gives, the network has seen these people.
    Returns what was done, a line each.
    """
    known = _learned_rows(sheet, signatures, trained)
    scans, people = {row.scan for row in known}, {row.subject for row in known}
    moved = [row for row in sheet.rows if row.subject in people and row.split != "train"]
    sheet.rows = [replace(row, split="train") if row.subject in people else row for row in sheet.rows]
    seen = [row.scan for row in moved if row.scan in scans]
    others = [row.scan for row in moved if row.scan not in scans]
    overruled = [sheet.place(row.number) for row in moved if row.split]
    lines = []
    if seen:
        many = f"{len(seen)} of the {counted(len(sheet.rows), 'scan')}"
        names = listed(seen, MOST_NAMED)
        lines.append(f"the model was trained on {many}, as the voxels tell: {names}; train again, and no controls")
    if others:
        many = counted(len(others), "more scan")
        lines.append(f"the model was trained on the subjects of {many}: {listed(others, MOST_NAMED)}; train, too")
    if overruled:
        lines.append(f"{sheet.name}, split: that of {listed(overruled)} gives way to 'train'")
    return lines


def _learned_rows(sheet: Sheet, signatures: Sequence[Signature | None], trained: Sequence[Signature]) -> list[Row]:
    copies, new = earliest_copies([*trained, *signatures]), len(trained)
    return [row for index, row in enumerate(sheet.rows, start=new) if copies.get(index, new) < new]


def return_people(sheet: Sheet, learned: Learned) -> list[str]:
    """Give the split "train" to all scans of subjects whose ids a model names, whatever their voxels; tell of it.

    Those whose ids another study is likely to have, too, are told and left as they are.
    """
    known_as = learned.person_test()
    known = [(row, known_as(row)) for row in sheet.rows if row.split != "train"]
    moved = [row for row, how in known if how == "certain"]
    alike = [row for row, how in known if how == "likely"]
    scans = {row.scan for row in moved}
    sheet.rows = [replace(row, split="train") if row.scan in scans else row for row in sheet.rows]
    lines = []
    if moved:
        many = f"{counted(len(moved), 'scan')} of subjects with the ids of people that it learned from"
        mend = "train, and no controls; where these are others, give them ids of their own"
        lines.append(f"the model: {many} ({listed([row.scan for row in moved], MOST_NAMED)}): {mend}")
    if alike:
        many = f"{counted(len(alike), 'scan')} of subjects who are called as people of its training"
        names = listed([row.scan for row in alike], MOST_NAMED)
        lines.append(f"the model: give {many} ({names}) the split train if they are the same people, at another visit")
    return lines


def hold_out_new(sheet: Sheet, signatures: Sequence[Signature | None], learned: Learned, tuned: bool) -> list[str]:
    """Give the split "test" to scans that the sheet calls otherwise and the model did not learn from; tell of it.

    Scans called as those of its training may be these, processed anew: of them the sheet is believed.
    """
    known_as = learned.person_test()
    seen = {row.subject for row in _learned_rows(sheet, signatures, learned.signatures or ())}
    seen |= {row.subject for row in sheet.rows if learned.names_scan(row) or known_as(row)}
    kept = ("", "test", "val") if tuned else ("", "test")
    moved = [row for row in sheet.rows if row.split not in kept and row.subject not in seen]
    scans = {row.scan for row in moved}
    sheet.rows = [replace(row, split="test") if row.scan in scans else row for row in sheet.rows]
    if not moved:
        return []
    text = f"the model did not learn from {counted(len(moved), 'scan')} that the sheet calls train or val"
    return [f"{text}: {listed(row.scan for row in moved)}; test, whatever its column split says"]


def trust_warning(model: str) -> str:
    """Return the line that a model without the signatures of its training scans deserves."""
    return f"the model {shown(model)} does not hold what it was trained on: that the scans are new to it is on trust"


def namesakes_warning(sheet: Sheet, learned: Learned) -> list[str]:
    """Return a line about held-out scans with ids that a model, which knows none of their voxels, was trained on.

    A cohort that was stripped or resampled anew keeps its ids alone.
    """
    alike = [row.scan for row in sheet.rows if row.split != "train" and learned.names_scan(row)]
    many = f"{counted(len(alike), 'scan')} with the ids of its training scans ({listed(alike, MOST_NAMED)})"
    return [f"the model: give {many} the split train if they are these, processed anew"] if alike else []


def pseudonyms_warning(learned: Learned) -> list[str]:
    """Return a line about a model that knows its people by pseudonyms, in a run that lacks their secret."""
    if learned.salt or not learned.subjects or not all(map(is_pseudonym, learned.subjects)):
        return []
    reason = "the model knows its people by pseudonyms, so that new scans of them are not noticed by their ids"
    mend = "give --pseudonymise with the --pseudonym_salt of its training"
    return [f"{reason}; {mend}"]
