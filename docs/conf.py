"""Sphinx: `sphinx-build -W --keep-going docs docs/_build`."""

import importlib.util

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
