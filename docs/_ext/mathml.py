"""Formulas as MathML, which browsers draw by themselves: no script, no network."""

import re
from html import unescape
from xml.etree import ElementTree

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

XMLNS = "http://www.w3.org/1998/Math/MathML"
PREFIX = f"{{{XMLNS}}}"
ENTITY = re.compile(r"&(?!amp;|lt;|gt;|quot;)\w+;")  # of HTML, unknown to XML
ElementTree.register_namespace("", XMLNS)


def mathml(text, as_block):
    """Translate LaTeX; an index of a letter with a hat stands at its side, not below."""
    found = tex2mathml(text, as_block=as_block)
    root = ElementTree.fromstring(ENTITY.sub(lambda match: unescape(match[0]), found))
    for node in root.iter(PREFIX + "munderover"):
        base, index, accent = node
        if accent.tag == PREFIX + "mo" and base.tag == PREFIX + "mi":
            node.tag = PREFIX + "msub"
            over = ElementTree.Element(PREFIX + "mover", accent="true")
            over.extend([base, accent])
            node[:] = [over, index]
    return ElementTree.tostring(root, encoding="unicode")


def inline(self, node):
    self.body.append(mathml(node.astext(), as_block=False))
    raise nodes.SkipNode


def block(self, node):
    self.body.append(mathml(node.astext().strip(), as_block=True))
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
