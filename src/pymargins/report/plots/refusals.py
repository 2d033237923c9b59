"""Options that have no meaning for a picture, refused before anything is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pymargins.errors import ArgumentError
from pymargins.report.figures import Wider
from pymargins.report.plots.layout import Layout


def check_data(layout: Layout, data: Any, cluster: Any, rug: bool) -> None:
    """Refuse data where nothing shows them, and what is drawn of data where there are none."""
    if layout.is_list and data is not None:
        raise ArgumentError(
            f"data: a {layout.kind} plot has one row for each estimate, and no axis for the data. "
            'Name a variable along the axis, x="...".'
        )
    if data is None and (rug or cluster is not None):
        name = "rug" if rug else "cluster"
        raise ArgumentError(f"{name}: it is drawn of rows of data; give data= too.")
    if rug and layout.kind != "line":
        raise ArgumentError(
            f"rug: it shows where a numeric variable was observed; here {layout.x!r} is a "
            "category. Leave it out."
        )


def check_arrows(layout: Layout, arrows: Any) -> None:
    """Refuse arrows where there are no two points to compare."""
    if arrows is None:
        return
    if layout.kind not in ("forest", "points"):
        raise ArgumentError(
            f"arrows: they compare points one by one; a {layout.kind} plot has none. Use "
            'kind="forest" or kind="points".'
        )
    if all(len(panel.rows) < 2 for panel in layout.panels):
        each = " in any panel" if len(layout.panels) > 1 else ""
        raise ArgumentError(f"arrows: they compare two rows, and there are no two{each}.")


def check_list(
    layout: Layout, wider: Wider | None, draws: Any, colors: Any, palette: Sequence[Any]
) -> None:
    """Refuse what a list of rows has no place for."""
    if layout.kind == "density" and wider is not None:
        raise ArgumentError("prediction: a density plot shows draws of estimates; leave it out.")
    if layout.kind == "density" and draws is None:
        raise ArgumentError(
            'kind: "density" shows the distribution of draws, and these figures have none. Ask a '
            'session with method="simulation" or method="bootstrap".'
        )
    if colors is not None and len(palette) > 1:
        raise ArgumentError(
            f"colors: the rows of a {layout.kind} plot have one colour, got {len(palette)}. Give "
            "one."
        )
