"""Sphinx: `sphinx-build -W --keep-going docs docs/_build`."""

import re

import numpy
from docutils import nodes
from latex2mathml.converter import convert

import longtail

project = "longtail"
author = "The longtail developers"
project_copyright = "The longtail developers"
release = longtail.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
]

source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_enable_extensions = ["dollarmath", "amsmath", "deflist", "colon_fence"]
myst_heading_anchors = 3

# A name that leads nowhere is a warning; other projects' names have no pages here.
nitpicky = True
nitpick_ignore_regex = [
    (r"py:.*", r"(collections|nn|numpy|pathlib|torch|transformers|typing)\..*"),
    (r"py:.*", r"longtail(\.\w+)*\._\w+(\..*)?"),
    # Names of types that are only spelt out for type checkers.
    (r"py:class", r"Boundary|Layer|Path|Rank|Report|Shape|Start|Steps|Tensor|Version"),
]

autosummary_generate = False
autodoc_mock_imports = ["transformers"]
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
# Docstrings quote names in single backquotes, as code.
default_role = "code"

# Formulas become MathML when the pages are built: no script, nothing to fetch.
html_math_renderer = "mathml"

html_theme = "furo"
html_title = "longtail"
html_static_path = ["_static"]
html_css_files = ["longtail.css"]

# Docstrings are plain text with ``code`` in them, read in terminals first: |x|, [*, n, p] and
# means_ are what they look like and not reStructuredText.
_CODE = re.compile(r"(``(?:(?!``|\n\s*\n).)+``|`(?:(?!`|\n\s*\n).)+`)", re.DOTALL)
_MARKUP = re.compile(r"[*|]|(?<=\w)_(?=\W|$)")


def _take_as_plain_text(app, what, name, obj, options, lines):
    if isinstance(obj, numpy.ufunc):
        del lines[:2]  # NumPy's own line of arguments
    pieces = _CODE.split("\n".join(lines))
    pieces[::2] = [_MARKUP.sub(lambda found: "\\" + found[0], text) for text in pieces[::2]]
    lines[:] = "".join(pieces).split("\n")


def _inline_formula(translator, node):
    translator.body.append(convert(node.astext()))
    raise nodes.SkipNode


def _formula(translator, node):
    translator.body.append(f'<div class="formula">{convert(node.astext(), display="block")}</div>')
    raise nodes.SkipNode


def setup(app):
    """The two hooks; the first runs before napoleon, whose own priority is 500."""
    app.connect("autodoc-process-docstring", _take_as_plain_text, priority=400)
    app.add_html_math_renderer("mathml", (_inline_formula, None), (_formula, None))
