#!/usr/bin/env python3
"""Which maps find disease that was planted in healthy people's own scans: make bench-own INPUT=samplesheet.csv.

The sheet is of healthy people; columns age and sex are used where they are. Each stage is kept in OUT, and done once.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
import pandas as pd
from scipy import ndimage
from tqdm import tqdm

BIN = Path(__file__).parents[2] / "bin"
sys.path[:0] = [str(BIN)]

from twins import paired_auroc, twin_scores  # noqa: E402

from healthward.imaging.formats import load_volume  # noqa: E402
from healthward.imaging.prepared_files import load_prepared  # noqa: E402
from healthward.imaging.volumes import conform, on_cube, to_cube  # noqa: E402
from healthward.inputs.samplesheet import read_sheet  # noqa: E402

FOV = 192.0
SHARES = {"train": 0.5, "val": 0.15, "test": 0.35}
SEEN = ("typical", "limbic", "sparing", "one-sided", "random")
UNSEEN = ("frontotemporal", "posterior")
DOSES = {"EMCI": 0.4, "MCI": 0.6, "LMCI": 0.8, "AD": 1.0}
DOSE_SPREAD = 0.2
"""Standard deviation of the dose within a class: classes overlap."""

FEWEST_FOR_AN_INTERVAL = 8
DRAWS = 2000


class Person(NamedTuple):
    """One healthy person, and the disease that is planted."""

    scan: str
    image: Path
    age: float
    sex: str
    split: str
    pattern: str
    dose: float
    label: str
    ill: bool


class Cubes(NamedTuple):
    """A person's scan without and with disease, where that is, and the brain, each (size, size, size)."""

    well: np.ndarray
    ill: np.ndarray
    truth: np.ndarray
    brain: np.ndarray


class Learned(NamedTuple):
    """What a map may go by: the people of the training, as they were given, and what masks alone tell."""

    cubes: np.ndarray
    ill: np.ndarray
    doses: np.ndarray
    design: np.ndarray
    masks: np.ndarray


Map = Callable[[np.ndarray, np.ndarray, Learned], np.ndarray]


def people(sheet: Path, seed: int) -> list[Person]:
    """Divide the people of a sheet, and draw a disease for each; half of those to train on have it."""
    rows = read_sheet(sheet).rows
    rng = np.random.default_rng(seed)
    subjects = sorted({row.subject for row in rows})
    order = rng.permutation(len(subjects))
    bounds = np.cumsum([round(share * len(subjects)) for share in SHARES.values()])
    split = {
        subjects[index]: list(SHARES)[min(int(np.searchsorted(bounds, place, side="right")), len(SHARES) - 1)]
        for place, index in enumerate(order)
    }
    found = []
    for row in sorted(rows, key=lambda row: row.scan):
        label = str(rng.choice(list(DOSES)))
        kinds = SEEN if split[row.subject] != "test" else (*SEEN, *UNSEEN)
        pattern, dose = str(rng.choice(kinds)), max(0.1, float(rng.normal(DOSES[label], DOSE_SPREAD)))
        ill = split[row.subject] != "train" or bool(rng.random() < 0.5)
        age = np.nan if row.age is None else row.age
        found.append(Person(row.scan, Path(row.image), age, row.sex, split[row.subject], pattern, dose, label, ill))
    return found


def prepare(person: Person, out: Path) -> Path:
    folder = out / "prepared" / person.scan
    if not (folder / "picture.png").is_file():
        _run("prepare.py", person.image, "--scan", person.scan, "--device", "cpu", "--out", folder)
    return folder


def plant(person: Person, prepared: Path, out: Path, seed: int) -> Path:
    folder = out / "planted"
    if not (folder / f"{person.scan}_truth.json").is_file():
        given = ("--prepared", prepared, "--scan", person.scan, "--pattern", person.pattern, "--dose", person.dose)
        own = int(np.random.default_rng([seed, *person.scan.encode()]).integers(2**31))
        _run("plant.py", person.image, *given, "--seed", own, "--out", folder)
    return folder


def cubes(person: Person, out: Path, size: int, seed: int) -> Cubes:
    """Return the cubes of a person, made where they are not there yet; without disease, both are of the scan."""
    file = out / f"cubes{size}" / f"{person.scan}.npz"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        prepared = prepare(person, out)
        voxels, affine = load_volume(person.image)
        ready = load_prepared(prepared, str(person.image), voxels)
        conformed = conform(voxels, affine, size, FOV, ready)
        ill, truth = conformed.cube, np.zeros(conformed.cube.shape, bool)
        if person.ill:
            planted = plant(person, prepared, out, seed)
            # By the preparation of the scan without: what the disease changes in it is not what is asked here
            ill = on_cube(load_volume(planted / f"{person.scan}.nii.gz")[0], conformed.geometry, size, ready)
            truth = to_cube(load_volume(planted / f"{person.scan}_mask.nii.gz")[0], conformed.geometry, size)
        np.savez_compressed(file, well=conformed.cube, ill=ill, truth=truth, brain=conformed.brain)
    with np.load(file) as kept:
        return Cubes(*(kept[name] for name in Cubes._fields))


def design(persons: list[Person]) -> np.ndarray:
    """Return 1, age, age² and sex of people, standardised; what is not known is the mean."""
    age = pd.Series([person.age for person in persons], dtype=float)
    age = ((age - 55) / 20).fillna(0.0)
    sex = np.array([{"M": 0.5, "F": -0.5}.get(person.sex, 0.0) for person in persons])
    return np.column_stack([np.ones(len(persons)), age, age**2, sex])


def _spread(residuals: np.ndarray, shrinkage: float = 0.5) -> np.ndarray:
    variance = residuals.var(axis=0)
    return np.sqrt((1 - shrinkage) * variance + shrinkage * np.median(variance[variance > 0]))


def _z(cube: np.ndarray, learned: Learned) -> np.ndarray:
    healthy = learned.cubes[~learned.ill]
    return (cube - healthy.mean(axis=0)) / _spread(healthy - healthy.mean(axis=0))


def _w(cube: np.ndarray, row: np.ndarray, learned: Learned) -> np.ndarray:
    healthy, known = learned.cubes[~learned.ill], learned.design[~learned.ill]
    weights = np.linalg.lstsq(known, healthy.reshape(len(healthy), -1), rcond=None)[0]
    residuals = healthy - (known @ weights).reshape(healthy.shape)
    return (cube - (row @ weights).reshape(cube.shape)) / _spread(residuals)


def _slope(learned: Learned) -> np.ndarray:
    doses = learned.doses - learned.doses.mean()
    slope = np.tensordot(doses, learned.cubes - learned.cubes.mean(axis=0), axes=1) / (doses @ doses)
    return ndimage.gaussian_filter(-slope, 1.5)


def _smooth(values: np.ndarray) -> np.ndarray:
    return ndimage.gaussian_filter(values, 1)


def _edges(cube: np.ndarray) -> np.ndarray:
    return ndimage.gaussian_gradient_magnitude(cube, 1)


def _mean_mask(learned: Learned) -> np.ndarray:
    return _smooth(learned.masks[learned.ill].mean(axis=0))


BASELINES: dict[str, tuple[str, Map]] = {
    "|z| of controls": ("baseline", lambda cube, row, learned: np.abs(_z(cube, learned))),
    "-z, smoothed": ("baseline", lambda cube, row, learned: _smooth(-_z(cube, learned))),
    "-W (age, sex), smoothed": ("baseline", lambda cube, row, learned: _smooth(-_w(cube, row, learned))),
    "one fixed map of the labels": ("baseline", lambda cube, row, learned: np.abs(_slope(learned))),
    "slope of the label × darkness": ("baseline", lambda cube, row, learned: _slope(learned) * (1 - cube)),
    "edges alone": ("baseline", lambda cube, row, learned: _edges(cube)),
    "mean training mask": ("privileged", lambda cube, row, learned: _mean_mask(learned)),
    "… × edges": ("privileged", lambda cube, row, learned: _mean_mask(learned) * _edges(cube)),
    "… × |W|": ("privileged", lambda cube, row, learned: _mean_mask(learned) * np.abs(_w(cube, row, learned))),
}
"""Kind of each map, and how it is made of a cube, the person's row of the design, and what may be learned."""


def interval(values: np.ndarray) -> str:
    """Return mean and 95 % interval over people by BCa; no interval from few."""
    from scipy.stats import bootstrap

    if len(values) < FEWEST_FOR_AN_INTERVAL or np.ptp(values) == 0:
        return f"{values.mean():.3f}"
    low, high = bootstrap((values,), np.mean, n_resamples=DRAWS, method="BCa", rng=0).confidence_interval
    return f"{values.mean():.3f} [{low:.3f}, {high:.3f}]"


def gain(table: pd.DataFrame) -> float:
    """Return the share of what a map is above chance, over people, that is lost with others' maps."""
    above = table["auprc"].mean() - table["chance"].mean()
    return float((table["auprc"].mean() - table["swapped"].mean()) / above) if above > 0 else np.nan


def by_pattern(table: pd.DataFrame) -> str:
    """Return what the disease of each pattern adds to each map, a mean over people."""
    means = table.pivot_table(index="map", columns="pattern", values="added", sort=False).round(3)
    people = table.drop_duplicates("scan")["pattern"].value_counts()
    header = "| added | " + " | ".join(f"{name} ({people[name]})" for name in means.columns) + " |"
    rows = [
        f"| {str(name).replace('|', '&#124;')} | " + " | ".join(f"{value:.3f}" for value in row) + " |"
        for name, row in zip(means.index, means.to_numpy(), strict=True)
    ]
    return "\n".join([header, "| --- " * (len(means.columns) + 1) + "|", *rows])


def scored(maps: Iterator[tuple[Person, np.ndarray, np.ndarray, Cubes]], others: int = 5) -> pd.DataFrame:
    """Return a row a person of a map's figures."""
    kept = list(maps)
    rows = []
    for number, (person, ill, well, own) in enumerate(kept):
        swapped = [kept[(number + step) % len(kept)][1] for step in range(1, min(others, len(kept) - 1) + 1)]
        found = twin_scores(ill, well, own.truth, own.brain, swapped)
        top = [float(np.percentile(each[own.brain], 99)) for each in (ill, well)]
        known = {"scan": person.scan, "pattern": person.pattern, "label": person.label}
        rows.append({**known, "top": top[0], "twin_top": top[1], **found._asdict()})
    return pd.DataFrame(rows)


@click.command()
@click.argument("sheet", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder that keeps all.")
@click.option("--size", default=64, show_default=True, help="Edge of the cubes in voxels.")
@click.option("--seed", default=0, show_default=True, help="Of the split and of the disease.")
def main(sheet: Path, out: Path, size: int, seed: int) -> None:
    """Plant disease in the healthy people of SHEET, and print what each map finds of it."""
    persons = people(sheet, seed)
    found = {person.scan: cubes(person, out, size, seed) for person in tqdm(persons, "cubes", unit="scan")}
    rows = dict(zip([person.scan for person in persons], design(persons), strict=True))
    train = [person for person in persons if person.split == "train"]
    test = [person for person in persons if person.split == "test" and found[person.scan].truth.any()]
    learned = Learned(
        cubes=np.stack([found[person.scan].ill for person in train]),
        ill=np.array([person.ill for person in train]),
        doses=np.array([person.dose if person.ill else 0.0 for person in train]),
        design=np.stack([rows[person.scan] for person in train]),
        masks=np.stack([found[person.scan].truth for person in train]),
    )

    def maps(make: Map) -> Iterator[tuple[Person, np.ndarray, np.ndarray, Cubes]]:
        for person in test:
            own = found[person.scan]
            yield person, *(make(each, rows[person.scan], learned) for each in (own.ill, own.well)), own

    lines, tables = [], []
    for name, (kind, make) in tqdm(BASELINES.items(), "maps", unit="map"):
        table = scored(maps(make))
        tables.append(table.assign(map=name, kind=kind))
        unseen = table[table["pattern"].isin(UNSEEN)]
        shown = name.replace("|", "&#124;")
        above = paired_auroc(table["top"], table["twin_top"])
        lines.append(
            f"| {shown} | {kind} | {interval(table['auprc'].to_numpy())} | {table['twin'].mean():.3f} "
            f"| {interval(table['added'].to_numpy())} | {table['swapped'].mean():.3f} "
            f"| {gain(table):.2f} | {unseen['added'].mean():.3f} | {above:.2f} |"
        )
    header = "| map | kind | AUPRC | twin's | added | swapped | swap gain | added, unseen | diseased above its twin |"
    chance = np.mean([own.truth[own.brain].mean() for own in (found[person.scan] for person in test)])
    text = "\n".join([header, "| --- " * 9 + "|", *lines])
    trained = f"{len(train)} people to train on ({int(learned.ill.sum())} with disease)"
    text += f"\n\n{trained}, {len(test)} tested; chance {chance:.4f}\n"
    whole = pd.concat(tables)
    text += f"\n{by_pattern(whole)}\n"
    whole.to_csv(out / f"planted{size}.csv", index=False, float_format="%.5f")
    (out / f"planted{size}.md").write_text(text, encoding="utf-8")
    (out / "people.json").write_text(json.dumps([person._asdict() for person in persons], default=str, indent=1))
    click.echo(text)


def _run(tool: str, *arguments: object) -> None:
    line = [sys.executable, str(BIN / tool), *map(str, arguments)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)


if __name__ == "__main__":
    main()
