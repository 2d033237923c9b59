"""Pages of the documentation, run cell by cell as a notebook runs them."""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

ROOT = Path(__file__).parent.parent.parent
CELL = re.compile(r"^```\{code-cell\} ipython3\n(?:---\n(.*?)\n---\n)?(.*?)^```$", re.M | re.S)
#: Options of a cell may stand in one line each: `:tags: [wrap]`.
OPTIONS = re.compile(r"\A((?::[a-z-]+:.*\n)*)(.*)\Z", re.S)


def cells(page: Path) -> list[tuple[str, str]]:
    """Give the options and the code of each cell that readers see."""
    found = []
    for block, rest in CELL.findall(page.read_text("utf-8")):
        lines, code = OPTIONS.match(rest).groups()
        if "remove-cell" not in lines:
            found.append((block + lines, dedent(code)))
    return found


def shown(page: Path) -> Iterator[Any]:
    """Run the cells of a page in its folder, and give what each cell's last line shows."""
    names: dict[str, Any] = {}
    for _, code in cells(page):
        tree = ast.parse(code)
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, str(page), "exec"), names)
        if last is not None:
            found = eval(compile(ast.Expression(last.value), str(page), "eval"), names)
            if found is not None and not code.rstrip().endswith(";"):
                yield found


def width(line: str) -> int:
    """Return how many columns of a terminal a line takes."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in line)
    return len(line) + wide - sum(map(bool, map(unicodedata.combining, line)))
