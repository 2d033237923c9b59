"""Words in columns of a terminal: how wide they are, where they break, how they are filled up."""

from __future__ import annotations

from collections.abc import Callable
from unicodedata import category, east_asian_width

#: Signs that take no room of their own: marks on a letter, and what cannot be seen.
NO_ROOM = ("Mn", "Me", "Cf")
#: A word that has to be cut is cut behind one of these.
JOINTS = "_.,:;=/-"


def width(words: str) -> int:
    """Return how many columns words take: two for Chinese, Japanese and Korean signs."""
    return len(words) if words.isascii() else sum(map(_sign_width, words))


def _sign_width(sign: str) -> int:
    if category(sign) in NO_ROOM:
        return 0
    return 2 if east_asian_width(sign) in "WF" else 1


def filled(words: str, room: int, side: str) -> str:
    """Fill words up with blanks: to the left ("l"), to the right ("r") or in the middle ("c")."""
    free = room - width(words)
    before = {"l": 0, "r": free, "c": free // 2}[side]
    return " " * before + words + " " * (free - before)


def wrapped(
    words: str, room: float, indent: str = "", length: Callable[[str], float] = width
) -> list[str]:
    """Break words into lines, all but the first indented; a word that is longer is cut."""
    lines: list[str] = []
    line = ""
    for word in words.split():
        longer = f"{line} {word}" if line.strip() else line + word
        if length(longer) > room and line.strip():
            lines.append(line)
            longer = indent + word
        while length(longer) > room:
            cut = _cut(longer, room, length)
            lines.append(longer[:cut])
            longer = indent + longer[cut:]
        line = longer
    return [*lines, line]


def _cut(words: str, room: float, length: Callable[[str], float]) -> int:
    """Return how many signs fit the room, one beside blanks at least; joints are good places."""
    blanks = len(words) - len(words.lstrip())
    cut = blanks + 1
    while cut < len(words) and length(words[: cut + 1]) <= room:
        cut += 1
    joint = 1 + max(words.rfind(sign, 0, cut) for sign in JOINTS)
    return joint if joint - blanks > (cut - blanks) / 2 else cut
