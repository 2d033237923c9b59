"""What the tutorials show fits a terminal of 80 columns, and a page of LaTeX."""

import shutil
import subprocess
import warnings

import matplotlib as mpl
import pytest

from pymargins.report.summary import Summary
from support.pages import ROOT, shown, width

TUTORIALS = ROOT / "docs" / "tutorials"
PAGES = sorted(TUTORIALS.glob("*.md"))
PREAMBLE = r"\documentclass{article}\usepackage[utf8]{inputenc}\usepackage{booktabs}"


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


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex here")
def test_no_box_of_latex_is_overfull(tables, tmp_path):
    page = [PREAMBLE, r"\begin{document}", *(latex for _, latex in tables), r"\end{document}"]
    (tmp_path / "page.tex").write_text("\n".join(page), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-draftmode", "page.tex"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=120, check=False)
    said = run.stdout.decode("latin-1")
    assert run.returncode == 0, said[-2000:]
    assert "Overfull" not in said


pytestmark = pytest.mark.slow
