"""The scans that a network learns from, and some of their slices to look at."""

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from healthward.errors import InputError
from healthward.imaging.people import copies, namesakes, of_copies, of_namesakes
from healthward.imaging.slices import ScanRecord, check_stack, read_record, read_stack, verify_stack
from healthward.imaging.volumes import Array
from healthward.inputs.fields import SPLITS
from healthward.labels import ADNI, Classes
from healthward.wording import condensed


@dataclass(frozen=True)
class Cohort:
    """Folders of slices with their records, sorted by scan, and all classes that a label may be."""

    folders: Sequence[Path]
    records: Sequence[ScanRecord]
    classes: Classes = ADNI

    @classmethod
    def read(cls, folders: Sequence[Path], classes: Classes = ADNI) -> "Cohort":
        """Read the records of folders of slices.

        Raises:
            InputError: the scans differ in size or slices, or one is of no such class.
        """
        pairs = sorted(((read_record(folder), folder) for folder in folders), key=lambda pair: pair[0].scan)
        frames = {(record.size, record.first, record.count, record.fov, record.space) for record, _ in pairs}
        if len(frames) > 1:
            raise InputError(
                f"the scans were sliced differently (size, first, count, fov, space): {sorted(frames)}; slice anew"
            )
        for record, folder in pairs:
            if record.label not in classes:
                named = f"scan {record.scan} has the label {record.label!r}, none of {', '.join(classes)}"
                raise InputError(f"{named}; give all classes with --classes")
            check_stack(folder, record)
        return cls([folder for _, folder in pairs], [record for record, _ in pairs], classes)

    def check(self) -> None:
        """Raise an InputError, with a line for each kind of mistake, where these are no scans to train and validate by.

        Within a split a person of two ids counts twice and does not leak: that is said.
        """
        counts = Counter(record.scan for record in self.records)
        repeated = [scan for scan, count in counts.items() if count > 1]
        found = [("scan", f"scan {scan} is given twice; give each scan once", scan) for scan in repeated]
        seen: dict[str, str] = {}
        splits: dict[str, set[str]] = {}
        for record in self.records:
            earlier = seen.setdefault(record.fingerprint, record.scan)
            if earlier != record.scan:
                text = f"scan {record.scan} has the same voxels as {earlier}; leave one of them out"
                found.append(("voxels", text, record.scan))
            splits.setdefault(record.subject, set()).add(record.split)
        for subject, several in sorted((subject, several) for subject, several in splits.items() if len(several) > 1):
            both = " and ".join(split for split in SPLITS if split in several)
            found.append((both, f"subject {subject} is in both {both}; slice its scans with one --split", subject))
        pairs = namesakes(self.records)
        apart = [pair for pair in pairs if len(splits[pair[0].subject] | splits[pair[1].subject]) > 1]
        found += of_namesakes(apart)
        classes = {record.label for record in self.records if record.split == "train"}
        if len(classes) == 1:
            text = f"the scans to train on are all {classes.pop()}; add those of another class"
            found.append(("classes", text, ""))
        if not found:
            unlike = [pair for pair in copies(self.folders, self.records) if pair[0].fingerprint != pair[1].fingerprint]
            found = of_copies(unlike)
        if found:
            raise InputError("\n".join(condensed(found)))
        for line in condensed(of_namesakes(pairs)):
            logging.getLogger(__name__).warning(line)
        for record, folder in zip(self.records, self.folders, strict=True):
            verify_stack(folder, record)

    def split(self, name: str) -> "Cohort":
        """Return the part that is for `train` or `val`."""
        chosen = [index for index, record in enumerate(self.records) if record.split == name]
        return replace(
            self, folders=[self.folders[index] for index in chosen], records=[self.records[index] for index in chosen]
        )

    def digest(self) -> str:
        """Return a hash of the voxels and labels that the cohort consists of."""
        rows = [[record.scan, record.subject, record.label, record.fingerprint] for record in self.records]
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def stack_of(cohort: Cohort, count: int) -> tuple[Array, list[str]]:
    """Return up to `count` slices spread evenly over a cohort, (n, size, size), with the label of each."""
    places = [
        (index, axis, position)
        for index, record in enumerate(cohort.records)
        for axis in range(3)
        for position in range(record.count)
    ]
    count = min(count, len(places))
    # The middle of each of `count` even parts: their ends would show the outermost slices of every axis.
    chosen = [places[int((part + 0.5) * len(places) / count)] for part in range(count)]
    images = [np.array(read_stack(cohort.folders[index])[axis, position]) for index, axis, position in chosen]
    return np.stack(images), [cohort.records[index].label for index, _, _ in chosen]
