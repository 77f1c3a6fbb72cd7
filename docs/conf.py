"""Sphinx: `sphinx-build -W --keep-going docs docs/_build`."""

import importlib.util
import re

import longtail

project = "longtail"
author = "The longtail developers"
project_copyright = "The longtail developers"
release = longtail.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
]
# Formulas without a network, where the package that holds MathJax is installed.
if importlib.util.find_spec("sphinx_mathjax_offline") is not None:
    extensions.append("sphinx_mathjax_offline")

source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_enable_extensions = ["dollarmath", "amsmath", "deflist", "colon_fence"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
# Docstrings quote names in single backquotes, as code.
default_role = "code"

html_theme = "furo"
html_title = "longtail"
html_static_path = ["_static"]
html_css_files = ["longtail.css"]

# Docstrings are plain text with ``code`` in them, read in terminals first: |x|, [*, n, p] and
# means_ are what they look like and not reStructuredText.
_CODE = re.compile(r"(``.+?``|`[^`]+`)")
_MARKUP = re.compile(r"[*|]|(?<=\w)_(?=\W|$)")


def _take_as_plain_text(app, what, name, obj, options, lines):
    for i, line in enumerate(lines):
        pieces = _CODE.split(line)
        pieces[::2] = [_MARKUP.sub(lambda found: "\\" + found[0], text) for text in pieces[::2]]
        lines[i] = "".join(pieces)


def setup(app):
    """Runs before napoleon, whose own priority is 500."""
    app.connect("autodoc-process-docstring", _take_as_plain_text, priority=400)
