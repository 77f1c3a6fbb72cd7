"""The report writer: what it escapes, what it aligns, and that a page needs nothing outside it."""

import re

import pytest

from longtail import report
from longtail.report import figures, page


def rendered(*blocks):
    return report.render(report.Report("Title", "Summary", [report.Section("Part", blocks)]))


def test_text_is_escaped_before_markup():
    html = rendered(report.Text("a < b, `x & y` and **bold** <script>"))
    assert "a &lt; b" in html
    assert "<code>x &amp; y</code>" in html
    assert "<strong>bold</strong>" in html
    assert "<script>" not in html


def test_columns_of_numbers_are_flush_right_and_others_not():
    html = rendered(report.Table(("name", "value"), [("a", "1.5 s"), ("b", "-2")]))
    assert '<td data-column="name">a</td>' in html
    assert '<td data-column="value" class="number">1.5 s</td>' in html
    assert '<th>name</th><th class="number">value</th>' in html


def test_ragged_table_is_refused():
    with pytest.raises(ValueError, match="rows: got 1 cells, expected 2"):
        rendered(report.Table(("one", "two"), [("only one",)]))


def test_unknown_block_is_named():
    with pytest.raises(TypeError, match="got str"):
        rendered("text without a block")


def test_sections_are_linked_from_the_top():
    html = rendered(report.Text("x"))
    assert '<a href="#part">Part</a>' in html
    assert '<section id="part">' in html


def test_page_with_pictures_refers_to_nothing_outside(tmp_path):
    pytest.importorskip("matplotlib")
    with figures.drawing() as drawn:
        drawn.ax.plot([0, 1], [0, 1])
    figure = drawn.figure("caption", "a line")
    target = report.write(
        report.Report("T", "S", [report.Section("P", [report.Figures([figure, figure])])]),
        tmp_path / "deep" / "folder",
    )
    html = target.read_text(encoding="utf-8")
    assert target.is_absolute() and target.name == "index.html"
    assert not re.search(r'(src|href)="(?!#|data:)', html)
    assert "url(http" not in html and "@import" not in html
    assert 'aria-label="a line"' in html


def test_ids_of_two_pictures_do_not_collide():
    pytest.importorskip("matplotlib")
    ids = []
    for end in (1, 2):
        with figures.drawing() as drawn:
            drawn.ax.plot([0, end], [0, 1])
        ids.append(set(re.findall(r'\bid="([^"]+)"', drawn.markup)))
        references = set(re.findall(r'(?:href="#|url\(#)([^")]+)', drawn.markup))
        assert references and references <= ids[-1]
    assert not ids[0] & ids[1]


def test_picture_scales_with_the_page():
    pytest.importorskip("matplotlib")
    with figures.drawing() as drawn:
        drawn.ax.plot([0, 1])
    opening = drawn.markup[: drawn.markup.index(">")]
    assert "viewBox" in opening
    assert " width=" not in opening and " height=" not in opening


def test_style_sheet_knows_phones_and_dark_mode():
    html = rendered(report.Text("x"))
    assert "width=device-width" in html
    assert "prefers-color-scheme: dark" in html


@pytest.mark.parametrize(
    "text, number", [("1e-08", True), ("—", True), ("+0.3", True), ("a1", False)]
)
def test_what_counts_as_a_number(text, number):
    assert bool(page._NUMBER.match(text)) is number
