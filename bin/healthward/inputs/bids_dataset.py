"""A BIDS dataset as a table of scans: the T1w image of every visit of its participants.

Labels and covariates come from participants.tsv and, where a subject's sessions.tsv gives them by visit, from there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from healthward.inputs.bids_description import DESCRIPTION, read_description
from healthward.inputs.bids_images import SUBJECT, Filter, Image, Images, are_runs, chosen, find_images
from healthward.inputs.bids_tables import (
    NAMES,
    PARTICIPANT,
    PARTICIPANTS,
    SESSION,
    Cells,
    Place,
    Table,
    near_names,
    read_table,
    values_of,
)
from healthward.inputs.fields import MISSING
from healthward.inputs.sheet import Lack, Sheet, fill
from healthward.inputs.subjects import bare
from healthward.labels import ADNI, Classes
from healthward.wording import counted, listed, printable, shown

BASELINE = ("_bl", "_sc")
"""How names of columns end that say what was at the first visit, or before it."""


@dataclass(frozen=True)
class _Visit:
    """What a row says of one visit of a subject, where it stands, and whether its table has labels."""

    place: Place
    session: str
    values: dict[str, str]
    is_labelled: bool


@dataclass(frozen=True)
class _Entry:
    """A row of the sheet to be: the fields of a scan, what it lacks as (column, text, reason), if anything."""

    number: int
    fields: dict[str, str]
    lack: tuple[str, str, str] | None = None


def read_bids(
    root: Path, t1w_filter: Filter | None = None, codes: Mapping[str, str] | None = None, classes: Classes = ADNI
) -> Sheet:
    """Read the T1w images of a dataset; each is a scan that is called as its file is, without the suffix.

    `t1w_filter` chooses where a visit has several, `codes` are the `classes` that values of a label stand for.
    """
    sheet = Sheet(PARTICIPANTS, "row", codes=codes or {}, classes=classes)
    description = read_description(root, sheet)
    table = None if sheet.problems else read_table(root / PARTICIPANTS, PARTICIPANT, sheet, Place(0))
    if table is None:
        return sheet
    images = find_images(root, derivative=str(description.get("DatasetType")).lower() == "derivative")
    reader = _Reader(root, sheet, table, images, t1w_filter or {})
    reader.read()
    return sheet


class _Reader:
    """Reads the scans of a dataset, subject by subject, into a sheet."""

    def __init__(self, root: Path, sheet: Sheet, table: Table, images: Images, t1w_filter: Filter) -> None:
        self.root, self.sheet, self.table, self.images, self.t1w_filter = root, sheet, table, images, t1w_filter
        written = f"write one of {', '.join(sheet.classes)}"
        self.label_mend = f"{written}, here or, by visit, in the sessions.tsv of the subject"
        self.label = table.columns[table.name("label") or ""] if table.name("label") else "label"
        self.entries: list[_Entry] = []
        self.unvisited: list[str] = []
        self.repeated: list[str] = []
        self.unfiltered: list[str] = []
        self.inherited: list[str] = []
        self.follow_ups: list[str] = []
        self.without_labels: list[str] = []
        self.without_visits: list[str] = []
        self.near_names: dict[str, str] = {}
        self.named: set[str] = set()
        self.is_told_by_visit = False
        self.misspelt: set[str] = set()

    def read(self) -> None:
        rows = self._rows_of_subjects()
        self._note_names(self.table, PARTICIPANTS)
        self.strangers = {bare(subject): subject for subject in sorted(set(self.images.visits) - set(rows))}
        for subject, numbered in rows.items():
            self._read_subject(subject, numbered)
        self._report_strangers(set(rows) | self.misspelt)
        self._fill()
        self._warn()

    def _rows_of_subjects(self) -> dict[str, list[tuple[int, Cells]]]:
        """Return the rows of each subject: several where they are of visits, none where one has no BIDS name."""
        rows: dict[str, list[tuple[int, Cells]]] = {}
        for number, row in self.table.rows:
            subject = f"sub-{row[PARTICIPANT].removeprefix('sub-')}"
            if not SUBJECT.fullmatch(subject):
                self._report_label(number, row[PARTICIPANT])
                rows[subject] = []
                continue
            others = [other for _, other in rows.setdefault(subject, []) if _session(other) == _session(row)]
            if not others:
                rows[subject].append((number, row))
            elif row not in others:
                mend = (
                    f"keep one row of each participant; what differs by visit goes to {subject}/{subject}_sessions.tsv"
                )
                self.sheet.report(number, PARTICIPANT, f"{shown(subject)} is there twice; {mend}")
        return rows

    def _report_label(self, number: int, name: str) -> None:
        label = "".join(letter for letter in name.removeprefix("sub-") if letter.isascii() and letter.isalnum())
        mend = f"rename it, its folder and its files, as to sub-{label or '01'}"
        text = f"{shown(name)} is no name of BIDS, which has letters and digits only after sub-; {mend}"
        self.sheet.report(number, PARTICIPANT, text)

    def _read_subject(self, subject: str, numbered: Sequence[tuple[int, Cells]]) -> None:
        if not numbered:
            return
        number = numbered[0][0]
        values: dict[str, str] = {}
        for line, row in numbered:
            if not _session(row):
                values = values_of(row, self.table, self.root, self.sheet, Place(line))
        visits = self._visits(subject, numbered)
        found = self.images.visits.get(subject, {})
        for given in (values, *(visit.values for visit in visits.values())):
            self.sheet.labels[subject] |= {given["label"]} if given.get("label") else set()
        if not found:
            self._read_absent(subject, number, values)
            return
        if not self._sessions_match(subject, visits, sorted(found)):
            return
        self._note_labels_of_visits(subject, visits, sorted(found))
        for session, images in found.items():
            of_visit = values
            if session in visits:
                visit = visits[session]
                of_visit = values | visit.values
                if visit.is_labelled and "label" in values and "label" not in visit.values:
                    self.inherited.append(f"{visit.place} ({session or 'n/a'})")
            self._read_visit(number, subject, images, of_visit)

    def _note_labels_of_visits(self, subject: str, visits: Mapping[str, _Visit], scanned: Sequence[str]) -> None:
        """Note where one label of the participant is given to several visits and may not be that of each."""
        given = [session for session in scanned if session not in visits or "label" not in visits[session].values]
        if self.label.lower().endswith(BASELINE):
            self.follow_ups += [f"{subject}/{session}" for session in given if session != scanned[0]]
        elif len(given) > 1 and not visits:
            self.without_visits.append(subject)
        elif len(given) > 1 and not any(visit.is_labelled for visit in visits.values()):
            self.without_labels.append(str(next(iter(visits.values())).place).rpartition(" row ")[0])
        self.is_told_by_visit |= any("label" in visit.values for visit in visits.values())

    def _note_names(self, table: Table | None, file: str) -> None:
        """Note which columns a table has, and which of its names are nearly those of columns that it has not."""
        if table:
            self.named |= {column for column in NAMES if table.name(column)}
            self.near_names = {**near_names(table, file), **self.near_names}

    def _visits(self, subject: str, numbered: Sequence[tuple[int, Cells]]) -> dict[str, _Visit]:
        """Return what is known by visit: from rows of participants.tsv with a session_id, and from sessions.tsv."""
        number = numbered[0][0]
        path = self.root / subject / f"{subject}_sessions.tsv"
        place = Place(number, path.name)
        table = read_table(path, SESSION, self.sheet, place) if path.exists() else None
        self._note_names(table, path.name)
        rows = [(Place(line), self.table, row) for line, row in numbered if _session(row)]
        rows += [(place.row(line), table, row) for line, row in (table.rows if table else []) if table]
        visits: dict[str, _Visit] = {}
        for at, source, row in rows:
            values = values_of(row, source, self.root, self.sheet, at)
            visit = _Visit(at, _session(row), values, source.name("label") is not None)
            first = visits.setdefault(visit.session, visit)
            if first.values != values:
                text = f"{shown(visit.session or 'n/a')} is there twice; keep one row of each session"
                self.sheet.report(at.number, SESSION, f"{at.start}{text}")
        # A table of other things, such as the times of visits, says nothing of labels
        useful = any(source.name(column) for _, source, _ in rows for column in NAMES)
        return visits if useful else {}

    def _sessions_match(self, subject: str, visits: Mapping[str, _Visit], scanned: list[str]) -> bool:
        """Return whether every visit with an image has a row, where visits have any; report those which have not."""
        folders = {path.name for path in (self.root / subject).glob("ses-*")}
        strangers = [visit for session, visit in visits.items() if session not in {*folders, *scanned}]
        unnamed = [session for session in scanned if session not in visits] if visits else []
        for visit in strangers:
            name = f"{shown(visit.session or 'n/a')} is no session of {subject}"
            if unnamed:
                known = f"which has {listed(sorted(folders))}" if folders else "whose images are in no folder ses-…"
                text = f"{name}, {known}; call each session as its folder"
                self.sheet.report(visit.place.number, SESSION, f"{visit.place.start}{text}")
            else:
                self.unvisited.append(f"{visit.place} ({visit.session or 'n/a'})")
        if unnamed and not strangers:
            place = next(iter(visits.values())).place
            file = str(place).rpartition(" row ")[0]
            named = listed([shown(session) if session else f"'n/a' (for {subject}/anat)" for session in unnamed])
            text = f"{file} has no row of {named}, but of other sessions; add one, with n/a for what is not known"
            self.sheet.report(place.number, SESSION, text)
        return not unnamed

    def _read_absent(self, subject: str, number: int, values: dict[str, str]) -> None:
        def own(places: Sequence[str]) -> list[str]:
            return [place for place in places if place.startswith(f"{subject}/")]

        if own(self.images.ignored):
            return
        near = self.strangers.get(bare(subject))
        if near:
            self.misspelt.add(near)
            text = f"{shown(subject)} has no T1w image, and {shown(near)} has images and no row"
            mend = "they differ only in zeros or case: call the participant as the folder"
            self.sheet.report(number, PARTICIPANT, f"{text}; {mend}")
            return
        misnamed = own(self.images.misnamed)
        if self.images.named_as_derivatives(subject):
            mend = f'{listed(misnamed)} has a name of a derivative: write "DatasetType": "derivative" to {DESCRIPTION}'
        elif misnamed:
            mend = f"{listed(misnamed)} has no name that BIDS has for it: rename it"
        else:
            mend = f"add {subject}/anat/{subject}_T1w.nii.gz, in a folder ses-… with several visits, or remove the row"
        lack = (PARTICIPANT, f"{shown(subject)} has no T1w image; {mend}", "no T1w image")
        self.entries.append(_Entry(number, {"scan": subject, "subject": subject, **values}, lack))

    def _read_visit(self, number: int, subject: str, images: Sequence[Image], values: dict[str, str]) -> None:
        left = chosen(images, self.t1w_filter)
        names = listed([shown(image.place) for image in images])
        doubled = [image.place for image in left if [other.scan for other in left].count(image.scan) > 1]
        if doubled:
            text = f"{listed(map(shown, doubled))} have one name; keep one of the two files"
            self.sheet.report(number, PARTICIPANT, text)
            return
        if not left:
            text = f"none of {names} is what --t1w_filter asks for; give another one"
            lack = (PARTICIPANT, text, "no such T1w image")
            fields = {"scan": images[0].scan, "subject": subject, **values}
            self.entries.append(_Entry(number, fields, lack))
            return
        if len(left) > 1 and not are_runs(left):
            text = f"{listed([shown(image.place) for image in left])} are of one visit"
            mend = "choose one of them by --t1w_filter, such as rec-norm or acq-mprage,run-1"
            self.sheet.report(number, PARTICIPANT, f"{text}; {mend}")
            return
        if len(left) > 1:
            self.repeated.append(left[0].place)
        if not left[0].is_of(self.t1w_filter):
            self.unfiltered.append(left[0].place)
        for image in left:
            fields = {"scan": image.scan, "subject": subject, "image": str(image.path), **values}
            unlabelled = (self.label, f"{shown(image.scan)} has no label; {self.label_mend}", "no label")
            self.entries.append(_Entry(number, fields, None if "label" in values else unlabelled))

    def _report_strangers(self, known: set[str]) -> None:
        for subject in sorted(set(self.images.visits) - known):
            text = f"{shown(subject)} has T1w images and no row; add one, or remove its folder"
            self.sheet.report(0, PARTICIPANT, text)
        folders = {place.split("/")[0] for place in self.images.misnamed}
        for folder in sorted(folders - known):
            if folder.startswith("sub-") and not SUBJECT.fullmatch(folder):
                self._report_label(0, folder)

    def _fill(self) -> None:
        """Make rows of the entries, and tell of each what it lacks: all at once where there is no column of labels."""
        sheet = self.sheet
        # An empty text, of a value that is not valid, would be reported once more as a missing one
        fields = [(entry.number, {name: text for name, text in entry.fields.items() if text}) for entry in self.entries]
        fill(sheet, fields, self.root)
        lacks = [(row, entry.lack) for row, entry in zip(sheet.rows, self.entries, strict=True) if entry.lack]
        unlabelled = sum(reason == "no label" for _, (_, _, reason) in lacks)
        if unlabelled and not any(row.label for row in sheet.rows):
            named = [name for name in NAMES["label"] if name in self.table.columns]
            if all(map(self.table.is_empty, named[:1])):
                self._report_no_labels(unlabelled, named)
                lacks = [(row, lack) for row, lack in lacks if lack[2] != "no label"]
        sheet.lacking += [Lack(row, *lack) for row, lack in lacks]
        if not sheet.rows and not sheet.problems:
            ignored = self.images.ignored
            emptied = f".bidsignore names every T1w image ({listed(ignored)}); take out the line that does"
            sheet.report(0, "", emptied if ignored else "holds no participant; add a row for each")
        if self.t1w_filter and self.entries and not any(image.is_of(self.t1w_filter) for image in self.images):
            sheet.report(0, PARTICIPANT, "no T1w image of the dataset is what --t1w_filter asks for; correct it")

    def _report_no_labels(self, unlabelled: int, named: Sequence[str]) -> None:
        """Say that no scan has a label, since no column is called so or the first of the `named` ones is empty."""
        text = f"{unlabelled} scans have no label, and no column is called {', '.join(NAMES['label'])}"
        if named:
            filled = [shown(self.table.columns[name]) for name in named if not self.table.is_empty(name)]
            other = f", though {listed(filled)} is not: remove the empty one if that is the label" if filled else ""
            text = f"{unlabelled} scans have no label, and the column {shown(self.label)} is empty{other}"
        self.sheet.report(0, "label", f"{text}; {'' if named else 'add one: '}{self.label_mend}")

    def _warn(self) -> None:
        """Say what was left out or taken, a line for each kind."""
        tables = {*self.root.glob("*sessions.tsv"), *self.root.glob("sub-*/*session*.tsv")}
        tables |= set(self.root.glob("sub-*/*/**/*sessions.tsv"))
        unread = sorted(tables - {folder / f"{folder.name}_sessions.tsv" for folder in self.root.glob("sub-*")})
        for what, places, text in (
            ("T1w image", self.images.ignored, "named by .bidsignore, left out"),
            ("T1w image", self.images.parts, "of a phase or another part than the magnitude, left out"),
            ("T1w image", self.images.misnamed, "under a name that BIDS has not for it, left out"),
            ("visit", self.repeated, "of several runs, each a scan; --t1w_filter run-1 takes one, and the first are"),
            (
                "visit",
                self.unfiltered,
                "without what --t1w_filter asks for, taken since no name says anything against it",
            ),
            ("session", self.unvisited, "without a folder: their labels only tell who is no control"),
            ("session", self.inherited, "without a label, given that of the participant"),
            (
                "follow-up visit",
                self.follow_ups,
                f"given the label of baseline, from column {printable(self.label)}, for want of a sub-…_sessions.tsv "
                "that says it by visit",
            ),
            (
                "table",
                self.without_labels,
                "of sessions without a column of labels, so that each visit is given that of the participant",
            ),
            (
                "subject",
                self.without_visits if self.is_told_by_visit else [],
                "of several visits without a label by visit, which others have: each visit is given that of the "
                "participant",
            ),
            (
                "table",
                [path.relative_to(self.root).as_posix() for path in unread],
                "of sessions not read, for want of the name sub-…/sub-…_sessions.tsv",
            ),
        ):
            if places:
                self.sheet.warnings.append(f"{counted(len(places), what)} {text}: {listed(places)}")
        self.sheet.warnings += [line for column, line in self.near_names.items() if column not in self.named]


def _session(row: Cells) -> str:
    """Return the session that a row is of, with ses-, empty for none."""
    text = row.get(SESSION, "")
    return "" if text.lower() in MISSING else f"ses-{text.removeprefix('ses-')}"
