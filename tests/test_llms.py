"""The page for coding assistants has every public name, and nothing that only Sphinx reads."""

import sys
from pathlib import Path

import pytest

import pymargins

DOCS = Path(__file__).parent.parent / "docs"


@pytest.fixture
def llms(monkeypatch):
    monkeypatch.syspath_prepend(DOCS / "_ext")
    import llms

    yield llms
    del sys.modules["llms"]


@pytest.fixture
def names():
    pages = sorted([*DOCS.glob("*/*.md"), *DOCS.glob("examples/*.md")])
    names = [page.relative_to(DOCS).with_suffix("").as_posix() for page in pages]
    return list(dict.fromkeys(name for name in names if not name.startswith("_")))


def test_one_page_says_all(llms, names):
    text = llms.whole(DOCS, names)
    for name in pymargins.__all__:
        assert name.startswith("_") or f"## pymargins.{name}" in text
    for verb in ("predict", "dydx", "contrasts", "joint_tests", "diagnose"):
        assert f"## Margins.{verb}(" in text
    for left in ("{glue", "{code-cell}", "{include}", "{admonition}", "mystnb", "jupytext"):
        assert left not in text
    assert "Which session to open" in text
    assert len(text) < 200_000


def test_each_page_has_a_line(llms, names):
    lines = [line for line in llms.index(DOCS, names).splitlines() if line.startswith("- ")]
    assert len(lines) == len(set(names))
    assert all(line.split("): ", 1)[1] for line in lines if "reference/" not in line)


def test_a_computed_figure_is_no_blank(llms, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# T\n\n{glue:text}`n` of [ten](x.md), {download}`a.csv </a.csv>`.\n", "utf-8")
    assert llms.plain(page) == "# T\n\n… of ten, `a.csv`.\n"
