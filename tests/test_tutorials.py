"""What the tutorials show fits a terminal of 80 columns, and a page of LaTeX."""

import warnings

import matplotlib as mpl
import pytest

from pymargins.report.summary import Summary
from support.pages import ROOT, shown, width
from support.typesetting import log_of, needs_pdflatex

TUTORIALS = ROOT / "docs" / "tutorials"
PAGES = sorted(TUTORIALS.glob("*.md"))


@pytest.fixture(scope="module", params=PAGES, ids=lambda page: page.stem)
def tables(request):
    """Run a page, and give all that it shows: text, and LaTeX of the tables."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the pages show what a fit warns of
        patch.setenv("COLUMNS", "80")
        patch.chdir(TUTORIALS)
        try:
            return [(str(thing), _latex(thing)) for thing in shown(request.param)]
        finally:
            plt.close("all")


def _latex(thing):
    summary = getattr(thing, "summary", lambda: thing)()
    return summary.to_latex() if isinstance(summary, Summary) else ""


def test_no_line_is_longer_than_80(tables):
    assert sum(bool(latex) for _, latex in tables) >= 5
    assert [line for text, _ in tables for line in text.splitlines() if width(line) > 80] == []


@needs_pdflatex
def test_no_box_of_latex_is_overfull(tables, tmp_path):
    assert "Overfull" not in log_of([latex for _, latex in tables], tmp_path)


pytestmark = pytest.mark.slow
