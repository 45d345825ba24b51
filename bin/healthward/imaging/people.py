"""Who is who among folders of slices: subjects whose ids say the same, and scans that are copies of others."""

from collections.abc import Sequence
from pathlib import Path

from healthward.imaging.signatures import SIGNATURE, earliest_copies, load_signatures
from healthward.imaging.slices import SLICE_AGAIN, ScanRecord
from healthward.inputs.subjects import Namesakes
from healthward.wording import shown

Pair = tuple[ScanRecord, ScanRecord]


def namesakes(records: Sequence[ScanRecord]) -> list[Pair]:
    """Return the first scan of each subject whose id says the same as an earlier one's, with that one's first scan."""
    written: set[str] = set()
    said = Namesakes[ScanRecord]()
    pairs = []
    for record in records:
        if record.subject not in written:
            written.add(record.subject)
            if earlier := said.get(record.subject):
                pairs.append((record, earlier))
            said.add(record.subject, record)
    return pairs


def of_namesakes(pairs: Sequence[Pair]) -> list[tuple[str, str, str]]:
    """Return a complaint about each pair of subjects, as `healthward.wording.condensed` takes them."""
    found = []
    for record, earlier in pairs:
        names = f"subject {shown(record.subject)} of scan {shown(record.scan)} and {shown(earlier.subject)} of"
        text = f"{names} {shown(earlier.scan)} differ only in zeros, separators, prefix or case"
        found.append(("names", f"{text}; slice one person's scans with one --subject", record.scan))
    return found


def of_copies(pairs: Sequence[Pair]) -> list[tuple[str, str, str]]:
    """Return a complaint about each pair of scans, as `healthward.wording.condensed` takes them."""
    found = []
    for record, earlier in pairs:
        text = f"is a turned, mirrored, cropped, rescaled or retyped copy of {shown(earlier.scan)}"
        found.append(("copies", f"scan {shown(record.scan)} {text}; leave one of them out", record.scan))
    return found


def copies(folders: Sequence[Path], records: Sequence[ScanRecord]) -> list[Pair]:
    """Return each scan that is a copy of an earlier one, turned, mirrored, rescaled or retyped, with that one.

    Folders of slices without a signature, which older versions wrote, are taken on trust.

    Raises:
        InputError: a signature is damaged.
    """
    files = [folder / SIGNATURE for folder in folders]
    signatures = [load_signatures(file, SLICE_AGAIN)[0] if file.is_file() else None for file in files]
    return [(records[later], records[earlier]) for later, earlier in sorted(earliest_copies(signatures).items())]
