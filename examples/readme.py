"""What README.md shows: run its example, and write the picture and the output into place."""

from __future__ import annotations

import io
import os
import re
from contextlib import redirect_stdout
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PICTURE = ROOT / "docs" / "_static" / "readme.png"
EXAMPLE = re.compile(
    r"^```python\n(?P<code>.*?)^```\n\n```text\n(?P<output>.*?)^```\n", re.M | re.S
)


def run(code: str) -> tuple[str, matplotlib.axes.Axes]:
    """Run the example in the repository; give what it prints, and its Axes."""
    here, names, printed = Path.cwd(), {}, io.StringIO()
    os.chdir(ROOT)
    try:
        with redirect_stdout(printed):
            exec(compile(code, "README.md", "exec"), names)
    finally:
        os.chdir(here)
    return printed.getvalue(), names["ax"]


def main() -> None:
    text = README.read_text("utf-8")
    example = EXAMPLE.search(text)
    output, ax = run(example["code"])
    start, end = example.span("output")
    README.write_text(text[:start] + output + text[end:], "utf-8")
    ax.set(xlabel="Age (years)", ylabel="Distance (mm)")
    ax.figure.savefig(PICTURE, dpi=100, bbox_inches="tight")


if __name__ == "__main__":
    main()
