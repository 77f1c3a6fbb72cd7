"""The report writer: what it escapes, what it aligns, and that a page needs nothing outside it."""

import re

import pytest

from longtail import report
from longtail.report import blocks, figures, page


def section(*given, **more):
    details = [report.Detail("Method", given)]
    facts = {"today": [report.Fact("9 s", "by others")], "ours": [report.Fact("1 s", "by us")]}
    return report.Section("part", "A part", "A problem.", **{"details": details, **facts, **more})


def rendered(*given, **more):
    return report.render(report.Report("Title", "Summary", [section(*given, **more)]))


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
    assert '<li><a href="#part">A part</a></li>' in html
    assert '<td><a href="#part">A part</a></td>' in html
    assert '<section id="part">' in html


def test_sections_are_told_in_the_same_order():
    verdicts = [report.Verdict(what, "1", "≥ 2", what != "b") for what in "abc"]
    for html in (rendered(report.Text("x")), rendered(report.Text("x"), verdicts=verdicts)):
        assert re.findall(r"<h3>(.*?)</h3>", html) == list(page.BEATS.values())
    assert "<span>2 met, <strong>1 missed</strong></span>" in html


def test_first_numbers_stand_in_the_summary():
    facts = [report.Fact("3 ms", "first"), report.Fact("4 ms", "second")]
    overview = rendered(ours=facts).split("</table>")[0]
    assert "<strong>9 s</strong> by others" in overview
    assert "<strong>3 ms</strong> first" in overview and "4 ms" not in overview


def test_section_without_numbers_says_what_is_missing():
    html = rendered(today=[], ours=[], notes=[report.Note("Skipped: install x")])
    assert '<td class="today" data-column="today&#x27;s tools">—</td>' in html
    assert '<p class="note">Skipped: install x</p>' in html


def test_page_with_pictures_refers_to_nothing_outside(tmp_path):
    pytest.importorskip("matplotlib")
    with figures.drawing() as drawn:
        drawn.ax.plot([0, 1], [0, 1])
    figure = drawn.figure("caption", "a line")
    target = report.write(
        report.Report("T", "S", [section(report.Figures([figure, figure]))]),
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
    assert bool(blocks._NUMBER.match(text)) is number


def test_tints_begin_with_our_colour_and_differ():
    pytest.importorskip("matplotlib")
    from matplotlib.colors import to_hex

    tints = figures.tints(8)
    assert to_hex(tints[0]) == figures.OURS and len(set(tints)) == 8
    assert max(max(each) for each in tints) < 1
