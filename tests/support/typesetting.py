"""Pages of LaTeX, where pdflatex is installed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

needs_pdflatex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex here")


def log_of(tables: Sequence[str], folder: Path, size: str = "10pt") -> str:
    """Set tables in an article, which must succeed, and return what pdflatex said of it."""
    page = [rf"\documentclass[{size}]{{article}}", r"\usepackage[utf8]{inputenc}"]
    page += [r"\usepackage{booktabs}", r"\begin{document}", *tables, r"\end{document}"]
    (folder / "page.tex").write_text("\n".join(page), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-draftmode", "page.tex"]
    run = subprocess.run(command, cwd=folder, capture_output=True, timeout=120, check=False)
    log = run.stdout.decode("latin-1")
    assert run.returncode == 0, log[-2000:]
    return log
