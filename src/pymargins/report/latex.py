"""Tables as LaTeX, for papers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pymargins.report.layout import Layout
from pymargins.report.numbers import FIGURE_SPACE, POINT_SPACE
from pymargins.report.table import Table
from pymargins.report.wrapping import width, wrapped

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
#: Points between columns, on each side; of the line of an article, and of its digits and most
#: letters, in `\\small` and in `\\footnotesize`, whatever the size of the article.
SEPARATION = 3
LINE, LETTER, SMALL_LETTER = 345.0, 4.85, 4.45
#: Signs that are wider than a digit, in digits of Computer Modern, and other capitals.
WIDE = {
    **dict.fromkeys("<>=+-−×±≈≠≤≥%&#√mw", 1.7),
    **dict.fromkeys("MW→∞—…", 2.1),
}  # fmt: skip
CAPITAL = 1.6
ESCAPES = str.maketrans({
    **SIGNS,
    **{sign: f"$\\{name}$" for sign, name in GREEK.items()},
    **{sign: f"$^{{{plain}}}$" for sign, plain in RAISED.items()},
    **{sign: f"$_{{{plain}}}$" for sign, plain in LOWERED.items()},
})  # fmt: skip


def _length(words: str) -> float:
    """Return about how wide words are, in digits, and rather more than less."""
    return sum(WIDE.get(sign, CAPITAL if sign.isupper() else width(sign)) for sign in words)


LAYOUT = Layout(length=_length, gap=2 * SEPARATION / SMALL_LETTER, alone=12, several=12)


def render(table: Table) -> str:
    """Write a table as a float with a caption, booktabs rules and its notes below.

    Where its columns do not fit the line, several tables stand one below the other.
    """
    lines = [r"\begin{table}[htbp]", r"\centering", rf"\caption{{{escape(table.title)}}}"]
    if table.lead:
        lines.append(_paragraph([table.lead]))
    parted = [_tabular(part) for part in LAYOUT.parts(table, LINE / SMALL_LETTER)]
    lines.append("\n\\par\\medskip\n".join(parted))
    if table.notes:
        lines.append(_paragraph(table.notes))
    return "\n".join([*lines, r"\end{table}"])


def _tabular(table: Table) -> str:
    """Write the columns between rules; what does not fit the line is wrapped, and small."""
    widths = LAYOUT.widths(table, LINE / SMALL_LETTER)
    natural = LAYOUT.natural(table)
    gaps = 2 * SEPARATION * table.width
    size = r"\small" if gaps + LETTER * sum(natural) <= LINE else r"\footnotesize"
    columns = [
        _Column(side, room if room < own else None)
        for side, room, own in zip(table.alignment, widths, natural, strict=True)
    ]
    end = r"\tabularnewline" if columns[-1].is_paragraph else r"\\"
    lines = [size + rf"\setlength{{\tabcolsep}}{{{SEPARATION}pt}}"]
    lines += [rf"\begin{{tabular}}{{{''.join(map(str, columns))}}}", r"\toprule"]
    if any(table.header):
        lines += [f"{' & '.join(_head(table, columns))} {end}", r"\midrule"]
    for row in table.blanked:
        cells = (column.cell(cell) for column, cell in zip(columns, row, strict=True))
        lines.append(f"{' & '.join(cells)} {end}")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"])


@dataclass(frozen=True, slots=True)
class _Column:
    """A column: flush with a side, and broken to fit a room, in digits, if it has to be."""

    side: str
    room: float | None

    @property
    def is_paragraph(self) -> bool:
        """Whether its words are broken."""
        return self.side == "l" and self.room is not None

    def __str__(self) -> str:
        if self.side == "r" or self.room is None:
            return self.side
        return rf"p{{{self.room * SMALL_LETTER / LINE:.3f}\linewidth}}"

    def cell(self, words: str) -> str:
        """Write a cell."""
        if self.side == "r":
            return escape(words.replace("-", "−"))
        if self.room is None or not words:
            return escape(words)
        broken = (wrapped(word, self.room, length=_length) for word in words.split())
        pieces = (r"\allowbreak{}".join(map(escape, word)) for word in broken)
        return r"\raggedright " + " ".join(pieces)

    def heading(self, words: str) -> str:
        """Write a heading: that of figures is broken into lines flush right."""
        if self.room is None:
            return escape(words)
        if self.side == "l":
            return self.cell(words)
        lines = r"\\".join(map(escape, wrapped(words, self.room, length=_length)))
        return rf"\shortstack[r]{{{lines}}}"


def _head(table: Table, columns: Sequence[_Column]) -> list[str]:
    """Write the headings; one over several columns stands in their middle."""
    return [
        rf"\multicolumn{{{count}}}{{c}}{{{escape(table.header[start])}}}"
        if count > 1
        else columns[start].heading(table.header[start])
        for start, count in table.headings
    ]


def _paragraph(sentences: Sequence[str]) -> str:
    words = " ".join(escape(sentence) for sentence in sentences)
    return (
        rf"\par\smallskip\parbox{{\linewidth}}{{\footnotesize\raggedright {words}}}\par\smallskip"
    )


def escape(words: str) -> str:
    """Escape what LaTeX reads as commands; translate mathematical signs and Greek letters."""
    return words.replace("\n", " ").translate(ESCAPES)
