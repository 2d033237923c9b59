"""Sphinx settings. Every code cell runs; a failure or a warning stops the build (`make docs`)."""

import logging
import sys
from importlib.metadata import version as installed
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "pymargins"
author = "pymargins developers"
copyright = author
version = release = installed("pymargins")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "alt",
    "llms",
    "mathml",
    "ports",
    "sphinx.ext.napoleon",
]
# `examples` is a link to ../examples; `_parts` are included by pages.
exclude_patterns = ["_build", "_parts", "jupyter_execute", "examples/data"]
# A section of index.md may be empty; Sphinx gives this warning no type to suppress it by.
logging.getLogger("sphinx.sphinx.directives.other").addFilter(
    lambda record: getattr(record, "subtype", None) != "empty_glob"
)

html_math_renderer = "mathml"
html_theme = "furo"
html_title = f"pymargins {release}"
html_static_path = ["_static"]
html_css_files = ["custom.css"]

# Every page is run afresh: a cached output could come from an older pymargins.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_execution_timeout = 300
nb_output_stderr = "error"
nb_merge_streams = True
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

# A name in single backticks is a link where there is something to link to.
default_role = "py:obj"
autosummary_generate = True
autodoc_preserve_defaults = True
autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_rtype = False
