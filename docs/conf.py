"""How Sphinx builds the site: `make -C docs html`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from copied_pages import FOLDER, relink_page, write_copies
from inventories import write_inventories
from link_check import check_links
from plain_docstrings import escape_lines, join_names
from reference_pages import write_pages
from source_links import mend_links

from pyjutrack import __version__

project = "pyjutrack"
author = "The pyjutrack developers"
copyright = author
release = version = __version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
]
exclude_patterns = ["_build", "**/.ipynb_checkpoints"]
html_theme = "furo"
html_title = f"pyjutrack {version}"
html_show_sphinx = False

#: single backticks in docstrings are code
default_role = "code"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
# types of signatures are written in full there; they are links where they are in the reference
nitpicky = False

intersphinx_mapping = write_inventories(Path(__file__).parent / "_build" / "inventories")

myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence", "dollarmath", "amsmath"]
nb_execution_mode = "off"


def setup(app):  # type: ignore[no-untyped-def]
    """Write the pages that are made, and read docstrings as the plain text that they are."""
    app.connect("builder-inited", lambda app: write_pages(Path(app.srcdir, "reference")))
    app.connect("builder-inited", lambda app: write_copies(Path(app.srcdir, FOLDER)))
    app.connect("source-read", relink_page)
    app.connect("build-finished", mend_links, priority=400)
    app.connect("build-finished", check_links)  # of what is mended
    app.connect("autodoc-process-docstring", escape_lines, priority=400)  # before napoleon
    app.connect("autodoc-process-docstring", join_names, priority=600)  # after it
    return {"parallel_read_safe": True}
