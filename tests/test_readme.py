"""The example of README.md prints the figures that README.md shows."""

import re
import sys
from pathlib import Path

from matplotlib import pyplot as plt

ROOT = Path(__file__).parent.parent
DECIMAL = re.compile(r"\d+\.\d+")


def test_the_example_prints_the_figures_shown(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "examples")
    import readme

    example = readme.EXAMPLE.search(readme.README.read_text("utf-8"))
    try:
        output, _ = readme.run(example["code"])
    finally:
        plt.close("all")
        del sys.modules["readme"]
    assert DECIMAL.findall(output) == DECIMAL.findall(example["output"]) != []
    assert readme.PICTURE.stat().st_size < 100_000
