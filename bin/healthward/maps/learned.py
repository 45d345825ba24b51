"""Which scans a model was trained on, as their voxels tell, whatever split they are given."""

import logging
from collections.abc import Mapping
from pathlib import Path

from healthward.diffusion.model_files import CONFIG, training_ids, training_scans
from healthward.errors import InputError
from healthward.imaging.signatures import SIGNATURE, earliest_copies, load_signatures
from healthward.imaging.slices import SLICE_AGAIN, read_record
from healthward.inputs.results import COPY_AGAIN, read_object
from healthward.wording import condensed, listed, shown


def learned_scans(model: Path, folders: Mapping[str, Path]) -> dict[str, bool | None]:
    """Return for each scan whether the model was trained on it, None where model or slices cannot tell.

    Args:
        model: a model folder, or a .pt file, which cannot tell.
        folders: of slices, by scan.

    Raises:
        InputError: what one of them is recognised by is damaged.
    """
    config = read_object(model / CONFIG, COPY_AGAIN) if model.is_dir() else None
    trained, problems = training_scans(model, training_ids(config))
    if problems:
        raise InputError(problems[0])
    files = {scan: folder / SIGNATURE for scan, folder in folders.items()}
    if trained is None:
        return dict.fromkeys(folders)
    known = [load_signatures(file, SLICE_AGAIN)[0] if file.is_file() else None for file in files.values()]
    copies = earliest_copies([*trained, *known])
    first = len(trained)
    return {
        scan: None if each is None else copies.get(index, first) < first
        for index, (scan, each) in enumerate(zip(folders, known, strict=True), start=first)
    }


def refuse_learned(learned: Mapping[str, bool | None], folders: Mapping[str, Path]) -> None:
    """Raise an InputError, with a line for each kind, where scans are of the split train or the model learned them."""
    complaints = []
    for scan, was in learned.items():
        split = read_record(folders[scan]).split
        if split == "train":
            text = "is a training scan, which the model knows; leave it out"
            complaints.append(("train", f"scan {shown(scan)} {text}", scan))
        elif was:
            text = f"is one that the model was trained on, though its split is {split}; leave it out"
            complaints.append(("learned", f"scan {shown(scan)} {text}", scan))
    if complaints:
        raise InputError("\n".join(condensed(complaints)))


def warn_of_learned(learned: Mapping[str, bool | None], folders: Mapping[str, Path]) -> None:
    """Say which scans the model was trained on though their split is another one."""
    held_out = [scan for scan, was in learned.items() if was and read_record(folders[scan]).split != "train"]
    if held_out:
        names = listed(map(shown, held_out))
        text = f"the model was trained on {names}, as the voxels tell, whatever their split says; they are no controls"
        logging.getLogger(__name__).warning(text)
