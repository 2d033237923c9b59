"""Tables as LaTeX, for papers."""

from __future__ import annotations

from collections.abc import Sequence

from pymargins.report.numbers import FIGURE_SPACE, POINT_SPACE
from pymargins.report.table import Table

#: Brackets would be read as an option where they follow ``\\``, a star as its variant.
SIGNS = {
    "\\": r"\textbackslash{}", "_": r"\_", "%": r"\%", "&": r"\&", "#": r"\#", "$": r"\$",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": "$<$", ">": "$>$", "|": "$|$", "[": "{[}", "]": "{]}", "*": "{*}", '"': "''",
    "×": r"$\times$", "−": "$-$", "·": r"$\cdot$", "±": r"$\pm$", "∞": r"$\infty$",
    "≤": r"$\leq$", "≥": r"$\geq$", "≠": r"$\neq$", "≈": r"$\approx$", "→": r"$\to$",
    "⋮": r"$\vdots$", "…": r"\dots{}", "–": "--", "—": "---", "’": "'", "‘": "`",
    "“": "``", "”": "''", "√": r"$\surd$", "°": r"$^{\circ}$", "½": r"$\frac{1}{2}$",
    "\u00a0": "~", "\u202f": r"\,", "\u2009": r"\,", "\u2011": "-",
    FIGURE_SPACE: r"\phantom{0}", POINT_SPACE: r"\phantom{.}",
}  # fmt: skip
GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "varepsilon", "ζ": "zeta",
    "η": "eta", "θ": "theta", "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "µ": "mu",
    "ν": "nu", "ξ": "xi", "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau", "υ": "upsilon",
    "φ": "varphi", "χ": "chi", "ψ": "psi", "ω": "omega", "Γ": "Gamma", "Δ": "Delta",
    "Θ": "Theta", "Λ": "Lambda", "Ξ": "Xi", "Π": "Pi", "Σ": "Sigma", "Φ": "Phi", "Ψ": "Psi",
    "Ω": "Omega",
}  # fmt: skip
RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n", strict=True))
LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True))
#: A longer label is wrapped.
LONG_LABEL = 30
#: Tables with more columns are set smaller.
MANY_COLUMNS = 7
ESCAPES = str.maketrans({
    **SIGNS,
    **{sign: f"$\\{name}$" for sign, name in GREEK.items()},
    **{sign: f"$^{{{plain}}}$" for sign, plain in RAISED.items()},
    **{sign: f"$_{{{plain}}}$" for sign, plain in LOWERED.items()},
})  # fmt: skip


def render(table: Table) -> str:
    """Write a table as a float with a caption, booktabs rules and its notes below."""
    lines = [r"\begin{table}[htbp]", r"\centering", rf"\caption{{{escape(table.title)}}}"]
    if table.lead:
        lines.append(_paragraph([table.lead]))
    columns = _columns(table)
    wide = len(columns) > MANY_COLUMNS or len(columns[0]) > 1
    lines.append((r"\footnotesize" if wide else r"\small") + r"\setlength{\tabcolsep}{3pt}")
    lines += [rf"\begin{{tabular}}{{{''.join(columns)}}}", r"\toprule"]
    if any(table.header):
        lines += [_row(table.header, ["l"] * table.width), r"\midrule"]
    lines += [_row(row, columns) for row in table.rows]
    lines += [r"\bottomrule", r"\end{tabular}"]
    if table.notes:
        lines.append(_paragraph(table.notes))
    return "\n".join([*lines, r"\end{table}"])


def _columns(table: Table) -> list[str]:
    """Declare the columns; words that would not fit the line are wrapped."""
    columns = list(table.alignment)
    if "r" not in columns:
        columns[-1] = r"p{0.5\linewidth}"
    elif max((len(row[0]) for row in table.rows), default=0) > LONG_LABEL:
        columns[0] = r"p{0.18\linewidth}"
    return columns


def _paragraph(sentences: Sequence[str]) -> str:
    words = " ".join(escape(sentence) for sentence in sentences)
    return (
        rf"\par\smallskip\parbox{{\linewidth}}{{\footnotesize\raggedright {words}}}\par\smallskip"
    )


def _row(cells: Sequence[str], columns: Sequence[str]) -> str:
    end = r"\tabularnewline" if columns[-1].startswith("p") else r"\\"
    return f"{' & '.join(map(_cell, cells, columns))} {end}"


def _cell(cell: str, column: str) -> str:
    if column == "r":
        return escape(cell.replace("-", "−"))
    return escape(cell) if column == "l" else rf"\raggedright {escape(cell)}"


def escape(words: str) -> str:
    """Escape what LaTeX reads as commands; translate mathematical signs and Greek letters."""
    return words.replace("\n", " ").translate(ESCAPES)
