"""Progress of long work: shown in terminals and notebooks when it takes over two seconds."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

DELAY = 2.0


@contextmanager
def progress_bar(
    total: int, show: bool | None
) -> Generator[Callable[[int], None] | None, None, None]:
    """Give a function that takes the number of steps done, or None where nothing is shown.

    Parameters
    ----------
    total : int
    show : bool or None
        True always, False never, None where it takes over two seconds and somebody can see it.
    """
    bar_class = _bar_class() if show is not False else None
    if bar_class is None:
        if show:
            raise ImportError("progress=True needs tqdm: pip install pymargins[bootstrap]")
        yield None
        return
    hidden = None if show is None and not _in_notebook() else False
    with bar_class(total=total, delay=0.0 if show else DELAY, disable=hidden, leave=False) as bar:

        def advance(steps: int) -> None:
            bar.update(steps)

        yield advance


def _in_notebook() -> bool:
    return "ipykernel" in sys.modules


def _bar_class() -> type | None:
    try:
        if _in_notebook():
            import ipywidgets as _  # noqa: F401  # pyright: ignore[reportMissingImports]
            from tqdm.notebook import tqdm
        else:
            from tqdm import tqdm
    except ImportError:
        try:
            from tqdm import tqdm
        except ImportError:
            return None
    return tqdm
