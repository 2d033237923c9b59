"""The worked examples run from the question to the sentence, without a warning."""

import warnings

import matplotlib as mpl
import pytest

from support.pages import ROOT, cells, shown

EXAMPLES = ROOT / "examples"
PAGES = sorted(EXAMPLES.glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_runs(page, monkeypatch, capsys):
    monkeypatch.chdir(EXAMPLES)
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for thing in shown(page):
                repr(thing)
                html = getattr(thing, "_repr_html_", None)
                if html is not None:
                    html()
        assert plt.get_fignums()
    finally:
        plt.close("all")
    sentence = capsys.readouterr().out
    assert sentence.rstrip().endswith((".", ".)"))
    assert "nan" not in sentence


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_is_short_and_describes_its_figures(page):
    found = cells(page)
    assert len(found) <= 8
    assert all("print(" not in code for _, code in found[:-1])
    for options, code in found:
        assert max(map(len, code.splitlines())) <= 80
        assert ("plot(" in code) == ("alt:" in options and "caption:" in options)


def test_there_are_six():
    assert len(PAGES) == 6


pytestmark = pytest.mark.slow
