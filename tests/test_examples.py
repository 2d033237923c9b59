"""The worked examples run from the question to the sentence, without a warning."""

import ast
import re
import warnings
from pathlib import Path
from textwrap import dedent

import matplotlib as mpl
import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
PAGES = sorted(EXAMPLES.glob("*.md"))
CELL = re.compile(r"^```\{code-cell\} ipython3\n(?:---\n(.*?)\n---\n)?(.*?)^```$", re.M | re.S)


def cells(page):
    """Give the options and the code of each cell."""
    return [(options, dedent(code)) for options, code in CELL.findall(page.read_text("utf-8"))]


def run(code, names):
    """Run a cell as a notebook does: what its last line says is shown."""
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    if last is not None:
        shown = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
        repr(shown)
        html = getattr(shown, "_repr_html_", None)
        if html is not None:
            html()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_runs(page, monkeypatch, capsys):
    monkeypatch.chdir(EXAMPLES)
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    names = {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for _, code in cells(page):
                run(code, names)
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
