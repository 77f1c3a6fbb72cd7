"""The report in a real browser, at the widths of a desktop and of a phone."""

import pytest

from kit.browser import PROGRAMS, Browser
from kit.installed import program
from longtail.demos import FAMILIES

DESKTOP, PHONE = 1280, 390
#: A GIF of one pixel.
DOT = "R0lGODlhAQABAAAAACwAAAAAAQABAAACAkQBADs="


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    return Browser(program(*PROGRAMS), tmp_path_factory.mktemp("browser"))


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_report_fits(browser, quick_report, width):
    seen = browser.look(quick_report / "index.html", width)
    assert seen.width == width
    assert seen.scroll_width <= width and seen.outside == []
    assert seen.broken == 0 and seen.complaints == []
    assert seen.sections == list(FAMILIES)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_picture_of_the_report_is_not_blank(browser, quick_report, tmp_path, width, dark):
    image = pytest.importorskip("PIL.Image")
    page = quick_report / "index.html"
    target = browser.picture(page, width, 1600, tmp_path / "page.png", dark)
    grey = image.open(target).convert("L").crop((0, 0, width, 1600))
    paper = max(range(256), key=grey.histogram().__getitem__)
    assert (paper < 60) if dark else (paper > 240)
    # Ink on paper: letters, lines and pictures in each half of it.
    for half in ((0, 0, width, 800), (0, 800, width, 1600)):
        levels = grey.crop(half).histogram()
        far = sum(count for level, count in enumerate(levels) if abs(level - paper) > 80)
        assert 0.01 < far / sum(levels) < 0.6


def test_faults_are_seen(browser, tmp_path):
    page = tmp_path / "index.html"
    page.write_text(
        '<!doctype html><meta name="viewport" content="width=device-width"><main>'
        '<section id="low"></section><section id="high"><details><summary>more</summary>'
        '<p style="width: 500px; height: 300px">wide</p></details></section></main>'
        f'<img src="nowhere.png"><img src="data:image/gif;base64,{DOT}">'
        '<script>console.error("ouch")</script>'
    )
    seen = browser.look(page, PHONE)
    assert seen.width == PHONE and seen.scroll_width >= 500
    assert seen.outside == ["wide"] and seen.sections == ["high"]
    assert (seen.images, seen.broken) == (2, 1)
    assert any("ouch" in line for line in seen.complaints)
