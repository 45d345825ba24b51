"""The report in a real browser: what it loads, what works by click and by key, what a screen reader is given."""

import io
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page, expect

SHOWN_BY = 60_000
"""Milliseconds: a processor that draws WebGL beside other work is slow."""


class Watched:
    """A page with all that it complained of and asked for."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on(
            "console", lambda said: self.complaints.append(said.text) if said.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.set_default_timeout(SHOWN_BY)
        expect.set_options(timeout=SHOWN_BY)


def open_report(browser: Browser, folder: Path, theme: str = "light") -> Watched:
    watched = Watched(browser.new_page(viewport={"width": 1366, "height": 768}, color_scheme=theme))
    watched.page.goto((folder / "report.html").as_uri())
    expect(watched.page.locator("#shown")).to_have_text("11 of 11 scans shown")
    return watched


@pytest.fixture
def watched(browser: Browser, results: Path) -> Iterator[Watched]:
    found = open_report(browser, results)
    yield found
    found.page.close()


@pytest.fixture
def page(watched: Watched) -> Page:
    return watched.page


def scans(page: Page) -> list[str]:
    return page.locator("#ranking tbody tr:visible button.scan").all_inner_texts()


def picture(page: Page, of: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(page.locator(of).screenshot())).convert("RGB")).astype(int)


def warm(page: Page) -> int:
    """Pixels of the viewer, above its bar of colours, in the colours of the overlay; the scan is grey."""
    pixels = picture(page, "#panel-canvas")
    pixels = pixels[: int(0.8 * len(pixels))]
    return int((pixels[..., 0] > pixels[..., 2] + 60).sum())


def open_scan(page: Page, scan: str) -> None:
    page.locator("#ranking").get_by_role("button", name=scan, exact=True).click()
    expect(page.locator("#panel")).to_have_attribute("data-shown", re.compile(f"^{re.escape(scan)} scan "))


def test_nothing_is_fetched_and_nothing_complained_of(watched: Watched) -> None:
    open_scan(watched.page, "ad0")
    assert watched.complaints == []
    assert [url for url in watched.requests if not url.startswith(("file:", "data:", "blob:"))] == []
    assert any(url.endswith("viewer/ad0/scan.js") for url in watched.requests)


def test_text_of_users_is_text(page: Page) -> None:
    open_scan(page, "ad0")
    page.keyboard.press("Escape")
    page.locator("#settings ~ .settings details").first.locator("summary").click()
    assert page.get_by_role("cell", name="<img src=x onerror").first.is_visible()
    assert page.evaluate("window.hacked") is None
    assert page.locator("img[src=x]").count() == 0


def test_every_plot_is_drawn(page: Page) -> None:
    for name in ("curves", "scores", "regions", "beyond_5", "beyond_1"):
        plot = page.locator(f"#plot-{name}")
        plot.scroll_into_view_if_needed()
        expect(plot.locator(".main-svg").first).to_be_visible()
    assert page.evaluate("document.getElementById('plot-curves').data.some(trace => trace.type === 'scattergl')")


def test_curves_of_another_metric_and_a_scan_to_highlight(page: Page) -> None:
    axis = "document.getElementById('plot-curves').layout.yaxis.title.text"
    assert page.evaluate(axis) == "SSIM"
    count = page.evaluate("document.getElementById('plot-curves').data.length")
    page.get_by_role("combobox", name="Metric").select_option(label="PSNR (dB)")
    assert page.evaluate(axis) == "PSNR (dB)"
    page.get_by_role("combobox", name="Highlight").select_option("ad0")
    assert page.evaluate("document.getElementById('plot-curves').data.length") == count + 3


def test_pointing_at_a_point_names_its_scan(page: Page) -> None:
    page.locator("#plot-scores").scroll_into_view_if_needed()
    place = page.evaluate(
        """() => {
            const plot = document.getElementById("plot-scores");
            const trace = plot.data.find((one) => one.meta?.members?.some((scan) => scan.id === "ad1"));
            const at = trace.meta.members.findIndex((scan) => scan.id === "ad1");
            const { xaxis, yaxis } = plot._fullLayout;
            const box = plot.getBoundingClientRect();
            return [box.x + xaxis._offset + xaxis.l2p(trace.x[at]), box.y + yaxis._offset + yaxis.l2p(trace.y[at])];
        }"""
    )
    page.mouse.move(place[0] - 3, place[1])
    page.mouse.move(*place)
    tip = page.locator("#plot-scores ~ .tip")
    expect(tip).to_contain_text(re.compile(r"^ad1 · AD · test · Log-odds of disease \d"))


def test_scans_are_ranked_and_found_by_text(page: Page) -> None:
    assert {"ad0", "ad1"} == set(scans(page)[:2])
    page.get_by_role("searchbox", name="Find").fill("mci-0")
    assert sorted(scans(page)) == ["mci-0.a", "mci-0.b"]


@pytest.mark.parametrize("by", ["click", "key"])
def test_class_filter(page: Page, by: str) -> None:
    box = page.get_by_role("checkbox", name="CN", exact=True)
    if by == "click":
        box.click()
    else:
        box.focus()
        page.keyboard.press("Space")
    expect(page.locator("#shown")).to_have_text("4 of 11 scans shown")
    assert not [scan for scan in scans(page) if scan.startswith("cn")]
    members = "document.getElementById('plot-scores').data.flatMap(one => one.meta?.members?.map(it => it.label) ?? [])"
    assert set(page.evaluate(members)) == {"MCI", "AD"}


@pytest.mark.parametrize("by", ["click", "key"])
def test_sort(page: Page, by: str) -> None:
    header = page.locator("#ranking thead th").first
    button = header.get_by_role("button")

    def act() -> None:
        if by == "click":
            button.click()
        else:
            button.focus()
            page.keyboard.press("Enter")

    act()
    expect(header).to_have_attribute("aria-sort", "ascending")
    assert scans(page) == sorted(scans(page))
    act()
    expect(header).to_have_attribute("aria-sort", "descending")
    assert scans(page) == sorted(scans(page), reverse=True)


@pytest.mark.parametrize("by", ["click", "key"])
def test_theme(page: Page, by: str) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    button = page.get_by_role("button", name="Dark theme")
    if by == "click":
        button.click()
    else:
        button.focus()
        page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Light theme")).to_be_visible()
    assert page.evaluate(paper) != light
    assert page.evaluate("document.getElementById('plot-scores').layout.font.color") == page.evaluate(
        "getComputedStyle(document.body).color"
    )


def test_viewer_shows_volumes_and_moves_by_key_and_slider(page: Page) -> None:
    open_scan(page, "ad0")
    first = picture(page, ".viewer")
    assert (first.max(axis=2) > 100).mean() > 0.05
    assert warm(page) > 0
    position = page.get_by_role("slider", name="Bottom to top")
    before = int(position.input_value())
    page.locator("#panel-canvas").focus()
    page.keyboard.press("PageUp")
    expect(position).to_have_value(str(before + 1))
    position.focus()
    page.keyboard.press("ArrowRight")
    expect(position).to_have_value(str(before + 2))
    assert (picture(page, ".viewer") != first).any()


def test_viewer_threshold_opacity_and_choice_of_volume(page: Page) -> None:
    open_scan(page, "ad0")
    some = warm(page)
    page.get_by_role("slider", name="Threshold").focus()
    page.keyboard.press("End")
    assert warm(page) < some / 10
    page.keyboard.press("Home")
    assert warm(page) > some
    page.get_by_role("slider", name="Opacity").focus()
    page.keyboard.press("Home")
    assert warm(page) < some / 10
    page.get_by_role("combobox", name="Overlay").select_option(label="z against controls")
    expect(page.locator("#panel")).to_have_attribute("data-shown", "ad0 scan zscore")
    page.get_by_role("combobox", name="Image").select_option(label="Pseudo-healthy")
    expect(page.locator("#panel")).to_have_attribute("data-shown", "ad0 pseudohealthy zscore")


def test_panel_leads_to_files_and_neighbours_and_closes(page: Page, results: Path) -> None:
    open_scan(page, "mci-0.a")
    links = page.locator("#panel-maps a").evaluate_all("all => all.map(one => one.getAttribute('href'))")
    assert "maps/mci-0.a/mci-0.a_zscore.nii.gz" in links
    assert page.locator("#panel-figure").get_attribute("src") == "figures/scans/mci-0.a.png"
    assert (results / "figures/scans/mci-0.a.png").is_file()
    order = scans(page)
    page.get_by_role("button", name="Next scan").click()
    expect(page.locator("#panel-name")).to_have_text(order[order.index("mci-0.a") + 1])
    page.keyboard.press("Escape")
    expect(page.locator("#panel")).to_be_hidden()


def test_missing_volumes_are_reported(browser: Browser, results: Path, tmp_path: Path) -> None:
    shutil.copy(results / "report.html", tmp_path)
    page = open_report(browser, tmp_path).page
    page.locator("#ranking button.scan").first.click()
    expect(page.locator("#panel-message")).to_contain_text("Keep the folder viewer")
    page.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_names_and_contrast(browser: Browser, results: Path, theme: str) -> None:
    page = open_report(browser, results, theme).page
    for opened in (False, True):
        if opened:
            open_scan(page, "ad0")
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
    page.close()


def test_screenshots_and_print(browser: Browser, results: Path, tmp_path: Path) -> None:
    shots = {}
    for theme in ("light", "dark"):
        page = open_report(browser, results, theme).page
        page.screenshot(path=tmp_path / f"{theme}.png", full_page=True)
        shots[theme] = np.asarray(Image.open(tmp_path / f"{theme}.png").convert("L"), float).mean()
        page.emulate_media(media="print")
        page.screenshot(path=tmp_path / f"{theme}-print.png", full_page=True)
        # Ink on paper, whatever the screen's theme; the static figures in place of the plots
        assert np.asarray(Image.open(tmp_path / f"{theme}-print.png").convert("L"), float).mean() > 200
        expect(page.locator("#plot-curves")).to_be_hidden()
        expect(page.locator(".print-only img").first).to_be_visible()
        page.close()
    assert shots["light"] > 180 > 80 > shots["dark"]
