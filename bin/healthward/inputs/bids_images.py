"""The T1w images of a BIDS dataset, found through pybids, and which of a visit's several is the scan."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from healthward.inputs.bids_ignore import IgnoredFiles

IGNORE = ".bidsignore"
T1W = re.compile(r"(.+)_T1w\.nii(\.gz)?", re.IGNORECASE)
SUBJECT = re.compile("sub-[A-Za-z0-9]+")
ENTITY = re.compile("([A-Za-z]+)-([A-Za-z0-9]+)")
DATATYPE = "anat"
MAGNITUDE = "mag"
OF_DERIVATIVES = {"desc", "space", "res", "den", "label"}
"""Entities that names of raw images do not have."""

ABSENT = "none"

Filter = Mapping[str, frozenset[str]]
"""The values that an entity of a file's name may have, such as {"acq": {"mprage"}, "run": {"1"}}."""


@dataclass(frozen=True)
class Image:
    """A T1w image: `place` is its path in the dataset, `entities` are those of its name, of sub- and ses-, too."""

    path: Path
    place: str
    entities: Mapping[str, str]

    @property
    def session(self) -> str:
        return f"ses-{self.entities['ses']}" if "ses" in self.entities else ""

    @property
    def scan(self) -> str:
        return self.path.name.removesuffix(".gz").removesuffix(".nii").removesuffix("_T1w")

    def is_of(self, t1w_filter: Filter) -> bool:
        """Return whether each entity of the filter has one of its values, "none" standing for its absence."""
        return all(_plain(self.entities.get(entity, ABSENT)) in values for entity, values in t1w_filter.items())

    def contradicts(self, t1w_filter: Filter) -> bool:
        """Return whether an entity of the filter is there and has another value."""
        return not self.is_of({entity: t1w_filter[entity] for entity in t1w_filter if entity in self.entities})


@dataclass
class Images:
    """What a dataset holds of T1w images: `visits` by subject and session, in the order of their paths.

    The others are places of files: `ignored`, which .bidsignore names; `parts`, which are phase or the like;
    `misnamed`, which have no BIDS name, or not that of their folder.
    """

    visits: dict[str, dict[str, list[Image]]] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    misnamed: list[str] = field(default_factory=list)

    def named_as_derivatives(self, subject: str) -> bool:
        """Return whether the misnamed images of a subject have names of derivatives."""
        own = [place for place in self.misnamed if place.startswith(f"{subject}/")]
        return any(OF_DERIVATIVES & _entities(PurePosixPath(place).name).keys() for place in own)

    def __iter__(self) -> Iterator[Image]:
        return (image for visits in self.visits.values() for images in visits.values() for image in images)


def parsed_filter(text: str) -> Filter:
    """Return the filter that text such as "acq-mprage,run-1" gives; several values of one entity are alternatives.

    Raises:
        ValueError: the text is of another form.
    """
    values: dict[str, frozenset[str]] = {}
    for part in text.split(","):
        found = ENTITY.fullmatch(part.strip())
        if found and found[1] in ("sub", "ses"):
            raise ValueError(
                f"{part!r} is no part that tells images of one visit apart, and visits are not chosen here; "
                f"leave out others by lines of .bidsignore, such as ses-M12/"
            )
        if not found:
            raise ValueError(
                f"{part!r} is no part of an image's name; give such as rec-norm or acq-mprage,run-1 (run-none: no run)"
            )
        values[found[1]] = values.get(found[1], frozenset()) | {_plain(found[2])}
    return values


def _plain(value: str) -> str:
    # run-1 and run-01 are the same
    return value.lstrip("0") or "0" if value.isdigit() else value


def find_images(root: Path, derivative: bool) -> Images:
    """Find the T1w images of a dataset's subjects."""
    ignored = IgnoredFiles(_lines(root / IGNORE))
    indexed = _indexed(root, derivative)
    images = Images()
    for path in sorted(indexed | _called_so(root)):
        place = path.relative_to(root)
        entities = _entities(path.name)
        folders = [part for part in place.parts[:-1] if part.startswith(("sub-", "ses-"))]
        named = [f"{key}-{entities[key]}" for key in ("sub", "ses") if key in entities]
        if PurePosixPath(place) in ignored:
            images.ignored.append(place.as_posix())
        elif path not in indexed or folders != named or "sub" not in entities:
            images.misnamed.append(place.as_posix())
        elif entities.get("part", MAGNITUDE) != MAGNITUDE:
            images.parts.append(place.as_posix())
        else:
            image = Image(path, place.as_posix(), entities)
            images.visits.setdefault(named[0], {}).setdefault(image.session, []).append(image)
    return images


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8-sig", errors="replace").splitlines() if path.is_file() else []


def _indexed(root: Path, derivative: bool) -> set[Path]:
    from bids import BIDSLayout  # slow, and only datasets need it
    from bids.layout import BIDSLayoutIndexer

    # pybids takes what a processed dataset adds to the names, such as desc-brain, for no BIDS at all
    indexer = BIDSLayoutIndexer(validate=not derivative, index_metadata=False)
    layout = BIDSLayout(root, validate=not derivative, is_derivative=derivative, indexer=indexer)
    found = layout.get(suffix="T1w", extension=[".nii", ".nii.gz"])
    return {path for path in (Path(image.path) for image in found) if _in_place(path.relative_to(root))}


def _in_place(place: Path) -> bool:
    """Return whether a file lies in sub-…/anat or sub-…/ses-…/anat.

    In derivatives pybids takes what lies anywhere, such as images set aside or our own maps, and the datatype from any
    folder of the whole path, be it one above the dataset.
    """
    subject, *sessions, datatype = place.parts[:-1] if len(place.parts) > 2 else ("", "")
    named = subject.startswith("sub-") and all(folder.startswith("ses-") for folder in sessions)
    return named and len(sessions) < 2 and datatype == DATATYPE


def _called_so(root: Path) -> set[Path]:
    return {path for path in root.glob("sub-*/**/*") if T1W.fullmatch(path.name)}


def _entities(name: str) -> dict[str, str]:
    """Return the entities of a T1w image's name, none where a part of it is no entity."""
    stem = T1W.fullmatch(name)
    parts = [ENTITY.fullmatch(part) for part in stem[1].split("_")] if stem else []
    return {part[1]: part[2] for part in parts if part} if all(parts) else {}


def chosen(images: Sequence[Image], t1w_filter: Filter) -> list[Image]:
    """Return the images of a visit that a filter asks for; without any, those whose names say nothing against it."""
    asked_for = [image for image in images if image.is_of(t1w_filter)]
    return asked_for or [image for image in images if not image.contradicts(t1w_filter)]


def are_runs(images: Sequence[Image]) -> bool:
    """Return whether images of a visit differ in their run alone, as repeats of one protocol do."""
    runs = {_plain(image.entities.get("run", ABSENT)) for image in images}
    others = {frozenset(item for item in image.entities.items() if item[0] != "run") for image in images}
    return len(others) == 1 and len(runs) == len(images)
