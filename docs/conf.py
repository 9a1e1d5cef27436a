"""Sphinx: pages in Markdown, a reference from docstrings and ``--help``, a gallery that runs while it is built."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from generated import LEXERS, write_pages

from gengap import __version__

project, author, release = "gengap", "The gengap authors", __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax"]
exclude_patterns = ["_build", "gallery"]
suppress_warnings = ["ref.python"]  # attributes of several classes share a name
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "description"
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # attributes are described once, in their class
html_theme = "alabaster"
html_theme_options = {"description": "Has a network learned or memorised?", "page_width": "1150px"}


def setup(app):
    """Adds what Sphinx does not know: a lexer for diagrams, which are shown as text, and the generated pages."""
    for name, lexer in LEXERS.items():
        app.add_lexer(name, lexer)
    app.connect("builder-inited", lambda app: write_pages(Path(app.srcdir)))
