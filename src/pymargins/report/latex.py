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
#: Points between columns, on each side; of the line of an article, and of its letters.
SEPARATION = 3
LINE, LETTER, SMALL_LETTER = 345.0, 5.0, 4.4
#: A column of words keeps so many letters.
NARROWEST = 12
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
    columns, small = _columns(table)
    size = r"\footnotesize" if small else r"\small"
    lines.append(size + rf"\setlength{{\tabcolsep}}{{{SEPARATION}pt}}")
    lines += [rf"\begin{{tabular}}{{{''.join(columns)}}}", r"\toprule"]
    if any(table.header):
        lines += [_head(table, columns), r"\midrule"]
    lines += [_row(row, columns) for row in table.blanked]
    lines += [r"\bottomrule", r"\end{tabular}"]
    if table.notes:
        lines.append(_paragraph(table.notes))
    return "\n".join([*lines, r"\end{table}"])


def _columns(table: Table) -> tuple[list[str], bool]:
    """Declare the columns, and whether they are small; what does not fit the line is wrapped."""
    columns = list(table.alignment)
    widths = [
        max(len(row[j]) if j < len(row) else 0 for row in (_alone(table), *table.rows))
        for j in range(table.width)
    ]
    gaps = 2 * SEPARATION * len(columns)
    if gaps + LETTER * sum(widths) <= LINE:
        return columns, False
    room = (LINE - gaps) / SMALL_LETTER
    for j in sorted(range(len(widths)), key=lambda j: -widths[j]):
        excess = sum(widths) - room
        if columns[j] == "l" and excess > 0:
            widths[j] = int(max(widths[j] - excess, NARROWEST))
            columns[j] = rf"p{{{widths[j] * SMALL_LETTER / LINE:.2f}\linewidth}}"
    return columns, True


def _alone(table: Table) -> list[str]:
    """Return the headings that stand over one column."""
    return [
        table.header[start] if count == 1 and table.header else ""
        for start, count in table.headings
        for _ in range(count)
    ]


def _head(table: Table, columns: Sequence[str]) -> str:
    cells: list[str] = []
    for start, count in table.headings:
        words = escape(table.header[start])
        cells.append(rf"\multicolumn{{{count}}}{{c}}{{{words}}}" if count > 1 else words)
    return f"{' & '.join(cells)} {_end(columns)}"


def _paragraph(sentences: Sequence[str]) -> str:
    words = " ".join(escape(sentence) for sentence in sentences)
    return (
        rf"\par\smallskip\parbox{{\linewidth}}{{\footnotesize\raggedright {words}}}\par\smallskip"
    )


def _row(cells: Sequence[str], columns: Sequence[str]) -> str:
    return f"{' & '.join(map(_cell, cells, columns))} {_end(columns)}"


def _end(columns: Sequence[str]) -> str:
    return r"\tabularnewline" if columns[-1].startswith("p") else r"\\"


def _cell(cell: str, column: str) -> str:
    if column == "r":
        return escape(cell.replace("-", "−"))
    return escape(cell) if column == "l" else rf"\raggedright {escape(cell)}"


def escape(words: str) -> str:
    """Escape what LaTeX reads as commands; translate mathematical signs and Greek letters."""
    return words.replace("\n", " ").translate(ESCAPES)
