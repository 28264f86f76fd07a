"""How Sphinx builds the site: `make -C docs html`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from copied_pages import FOLDER, relink_page, write_copies
from executed_pages import copy_notebooks, find_outdated, link_notebook, prepare_kernels, spread
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
    "sphinx_gallery.gen_gallery",
    "formulas",
]
exclude_patterns = ["_build", "**/.ipynb_checkpoints", "gallery/*.ipynb"]
html_theme = "furo"
html_title = f"pyjutrack {version}"
html_show_sphinx = False
html_static_path = ["static"]
html_css_files = ["width.css", "notebooks.css"]
html_math_renderer = "mathml"

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
myst_enable_extensions = ["colon_fence", "dollarmath"]

# Notebooks are executed whenever they are read: a cache by their text would show numbers of a
# package that is no more. They are read where they or the package changed, see `executed_pages`.
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_merge_streams = True
# what a notebook writes there is a warning, and a warning fails the build
nb_output_stderr = "warn"

sphinx_gallery_conf = {
    "examples_dirs": "../examples/gallery",
    "gallery_dirs": "gallery",
    "image_scrapers": ("gallery_pictures.scrape",),
    "reset_modules": (),
    "abort_on_example_error": True,
    "download_all_examples": False,
    "write_computation_times": False,
    "show_memory": False,
    "show_signature": False,
}


def setup(app):  # type: ignore[no-untyped-def]
    """Write the pages that are made, and read docstrings as the plain text that they are."""
    app.connect("builder-inited", lambda app: write_pages(Path(app.srcdir, "reference")))
    app.connect("builder-inited", lambda app: write_copies(Path(app.srcdir, FOLDER)))
    app.connect(
        "builder-inited",
        lambda app: prepare_kernels(Path(app.doctreedir, "ipython"), app.parallel),
    )
    app.connect("env-get-outdated", find_outdated)
    app.connect("env-before-read-docs", spread)
    app.connect("html-page-context", link_notebook)
    app.connect("build-finished", copy_notebooks)
    app.connect("source-read", relink_page)
    app.connect("build-finished", mend_links, priority=400)
    app.connect("build-finished", check_links)  # of what is mended
    app.connect("autodoc-process-docstring", escape_lines, priority=400)  # before napoleon
    app.connect("autodoc-process-docstring", join_names, priority=600)  # after it
    return {"parallel_read_safe": True}
