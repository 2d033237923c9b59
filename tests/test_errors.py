"""How errors look where people meet them."""

import re

import pytest

CELL = """
from pymargins import Bootstrap
def options(kind):
    return Bootstrap(kind=kind)
options("cases")
"""


def shown(capsys, cell):
    testing = pytest.importorskip("IPython.core.interactiveshell")
    testing.InteractiveShell.instance(colors="nocolor").run_cell(cell)
    return re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out)


def test_a_notebook_shows_the_message_first_and_the_users_lines_only(capsys):
    first, *lines = shown(capsys, CELL).strip().splitlines()
    assert first.startswith("ArgumentError: kind: got 'cases'; allowed are 'rows', 'cluster'")
    assert '----> 4 options("cases")' in lines
    assert "----> 3     return Bootstrap(kind=kind)" in lines
    assert not any("options.py" in line or "not_one_of" in line for line in lines)


def test_a_cause_is_shown_too(capsys):
    cell = "from pymargins import ModelError\nraise ModelError('no fit') from KeyError('x')"
    first, *lines = shown(capsys, cell).strip().splitlines()
    assert first == "ModelError: no fit"
    assert "KeyError: 'x'" in lines
    assert any("direct cause" in line for line in lines)
