from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image

from healthward.cohort.summary import Cohort, summarise
from healthward.report.figures import (
    cohort_figures,
    localisation,
    lowest_triptychs,
    round_trip,
    scores_by_class,
    ssim_curves,
)
from healthward.report.scan_figures import scan_figures
from unit.test_cohort import SIZE, slice_rows, write_cohort, write_scores

DEEPEST_BLUE = (5, 48, 97)
"""The end of the scale of differences: the input is much darker."""


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return summarise(write_cohort(tmp_path_factory.mktemp("scores"), 12), lowest=2)


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def share(image: np.ndarray, colour: tuple[int, int, int]) -> float:
    return float((np.abs(image - colour).max(axis=2) <= 2).mean())


@pytest.mark.parametrize("draw", [ssim_curves, scores_by_class, round_trip, localisation])
def test_same_bytes_whatever_the_users_style(cohort: Cohort, tmp_path: Path, draw):
    draw(cohort, tmp_path / "a.png")
    with matplotlib.rc_context({"lines.linewidth": 9, "axes.facecolor": "red", "font.size": 30}):
        draw(cohort, tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert b"Software" not in (tmp_path / "a.png").read_bytes()
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert b"<dc:date>" not in (tmp_path / "a.svg").read_bytes()


def test_a_figure_for_each_scan(tmp_path: Path):
    cohort = summarise(write_cohort(tmp_path / "scores", 3))
    paths = list(scan_figures(cohort, tmp_path))
    assert [path.name for path in paths] == [f"{scan}.png" for scan in cohort.scans["scan"]]
    assert len({path.read_bytes() for path in paths}) == len(paths)
    again = next(scan_figures(cohort, tmp_path / "again"))
    assert again.read_bytes() == paths[0].read_bytes()


def test_infinite_psnr_is_left_out(tmp_path: Path):
    rows = slice_rows("s")
    rows.loc[3, "psnr"] = np.inf
    cohort = summarise([write_scores(tmp_path / "scores", rows)])
    assert len(list(scan_figures(cohort, tmp_path))) == 1
    assert set(cohort_figures(cohort, 2, tmp_path)) == {"ssim_curves", "round_trip", "lowest_slices"}


def test_outlier_is_drawn_in_its_colour(tmp_path: Path):
    rows = [slice_rows(f"s{number:02d}", "CN", seed=number) for number in range(10)]
    ill = slice_rows("bad", "AD", seed=99).assign(ssim=lambda table: table["ssim"] - 0.3)
    cohort = summarise(write_scores(tmp_path, table) for table in (*rows, ill))
    assert list(cohort.outliers["scan"]) == ["bad"]
    ssim_curves(cohort, tmp_path / "curves.png")
    assert share(pixels(tmp_path / "curves.png"), (0xD5, 0x5E, 0x00)) > 0.001


def keep_images(place: Path, given: np.ndarray, healthy: np.ndarray) -> None:
    with np.load(place / "lowest.npz") as stored:
        kept = {name: stored[name] for name in ("axis", "index", "ssim")}
    count = len(kept["ssim"])
    np.savez(place / "lowest.npz", input=np.stack([given] * count), healthy=np.stack([healthy] * count), **kept)


def test_differences_share_one_scale(tmp_path: Path):
    strong = write_scores(tmp_path, slice_rows("strong", level=0.5), kept=1)
    weak = write_scores(tmp_path, slice_rows("weak", level=0.7), kept=1)
    block = np.zeros((SIZE, SIZE), np.float32)
    block[8:24, 8:24] = 1
    keep_images(strong, 0 * block, 0.8 * block)
    keep_images(weak, 0 * block, 0.2 * block)
    lowest_triptychs(summarise([strong, weak]), 2, tmp_path / "triptychs.png")
    image = pixels(tmp_path / "triptychs.png")
    image = image[: int(0.7 * len(image))]
    left, right = np.array_split(image, 2, axis=1)
    assert share(left, DEEPEST_BLUE) > 0.01
    assert share(right, DEEPEST_BLUE) == 0


@pytest.mark.parametrize("axis", ["sagittal", "coronal", "axial"])
def test_superior_or_anterior_is_up(tmp_path: Path, axis: str):
    rows = slice_rows("s")
    rows.loc[rows[rows["axis"] == axis].index[0], "ssim"] = 0.1
    place = write_scores(tmp_path, rows, kept=1)
    head = np.zeros((SIZE, SIZE), np.float32)
    head[:, -8:] = 0.5
    keep_images(place, head, head)
    lowest_triptychs(summarise([place]), 1, tmp_path / "triptych.png")
    image = pixels(tmp_path / "triptych.png")
    grey = np.abs(image - 127).max(axis=2) <= 2
    black = image.max(axis=2) == 0
    assert np.nonzero(grey)[0].mean() < np.nonzero(black)[0].mean()


def test_every_figure_that_the_tables_allow(cohort: Cohort, tmp_path: Path):
    paths = cohort_figures(cohort, 2, tmp_path)
    assert set(paths) == {"ssim_curves", "scores_by_class", "round_trip", "lowest_slices", "localisation"}
    assert all(path.stat().st_size < 500_000 for path in paths.values())


def test_scan_figure_keeps_its_colours(tmp_path: Path):
    cohort = summarise([write_scores(tmp_path / "scores", slice_rows("s", "AD"))])
    image = pixels(next(scan_figures(cohort, tmp_path)))
    assert (image[0, 0] == 255).all()
    orange = np.abs(image - (0xD5, 0x5E, 0x00)).max(axis=2) <= 8
    assert orange.mean() > 0.001
