"""The session: how inference is done, fixed once; its verbs say what is asked."""

from pymargins.session.margins import Margins

__all__ = ["Margins"]
