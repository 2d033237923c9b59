"""For coding assistants: `llms.txt`, a list of the pages, and `llms-full.txt`, to be read whole.

Both are made of the pages' sources and the docstrings when the site is built: no second text.
"""

import inspect
import re
from pathlib import Path

import pymargins

SITE = "Pages, in the order of the site. All of it in one: llms-full.txt."
CELL = re.compile(r"^```\{code-cell\} ipython3\n(.*?)^```$", re.M | re.S)
OPTIONS = re.compile(r"\A(?:---\n(?:.*\n)*?---\n|(?::[a-z-]+:.*\n)+\n?)")
COMPUTED = re.compile(r"\{glue:text\}`[^`]*`")
PAGE = re.compile(r"\{doc\}`([^`<]*?) *<[^>]*>`")
ROLE = re.compile(r"\{[a-z:]+\}`([^`<]*?)(?: *<[^>]*>)?`")
INCLUDE = re.compile(r"^```\{include\} (\S+)\n```$", re.M)
FENCED = re.compile(r"^```.*?^```$", re.M | re.S)
LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
DIRECTIVE = re.compile(r"^```\{(?:toctree|eval-rst)\}\n.*?^```\n?", re.M | re.S)
ADMONITION = re.compile(r"^:::(?:\{\w+\} ?(.*))?\n(?::class:.*\n)?", re.M)
STARTS = ("tutorials/getting-started", "examples/split-plot")
CLASSES = (pymargins.Margins, pymargins.MarginsResult)


def plain(page):
    """Give a page as Markdown that needs no Sphinx: code without options, computed figures as …"""
    text = page.read_text("utf-8")
    text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.S)
    text = INCLUDE.sub(lambda found: plain(page.parent / found[1]), text)
    text = DIRECTIVE.sub("", text)
    text = CELL.sub(_code, text)
    text = ADMONITION.sub(lambda found: f"**{found[1]}**\n" if found[1] else "", text)
    text = ROLE.sub(r"`\1`", PAGE.sub(r"\1", COMPUTED.sub("…", text)))
    return re.sub(r"\n{3,}", "\n\n", LINK.sub(r"\1", text)).strip() + "\n"


def _code(found):
    code = found[1]
    options = OPTIONS.match(code)
    if options is not None:
        if "remove-cell" in options[0]:
            return ""
        code = code[options.end() :]
    return f"```python\n{code.strip()}\n```"


def title(page):
    return next(line[2:] for line in plain(page).splitlines() if line.startswith("# "))


def beginning(page):
    """Give the title and what stands before the second heading of a page: mostly what it is for."""
    return plain(page).split("\n## ", 1)[0].strip() + "\n"


def in_a_line(page):
    """Give the first paragraph of a page."""
    prose = FENCED.sub("", plain(page)).replace("**", "")
    for block in prose.split("\n\n")[1:]:
        said = " ".join(block.split()).removeprefix("In short.").removeprefix("Question.").strip()
        if said and not said.startswith(("|", "#", "- ")):
            return said
    return ""


def signature(thing):
    try:
        return str(inspect.signature(thing))
    except (TypeError, ValueError):  # exceptions of C have none
        return ""


def documented():
    """Give names and docstrings of all that is public, classes with their methods."""
    for name in pymargins.__all__:
        thing = getattr(pymargins, name)
        if name.startswith("_"):
            continue
        yield f"pymargins.{name}{signature(thing)}", inspect.getdoc(thing)
        if thing in CLASSES:
            for member, found in inspect.getmembers(thing):
                if not member.startswith("_") and inspect.getdoc(found):
                    called = signature(found) if callable(found) else ""
                    yield f"{name}.{member}{called}", inspect.getdoc(found)


def index(docs, names):
    """Write the list of pages."""
    lines = [f"# {title(docs / 'index.md')}", "", f"> {in_a_line(docs / 'index.md')}", "", SITE, ""]
    for name in names:
        page = docs / f"{name}.md"
        if page.exists():
            lines.append(f"- [{title(page)}]({name}.html): {in_a_line(page)}")
    return "\n".join(lines) + "\n"


def whole(docs, names):
    """Write the page that says all: a start, an example, each guide's beginning, every name."""
    parts = [plain(docs / "index.md").split("\n## Where to go", 1)[0]]
    parts += [plain(docs / f"{name}.md") for name in STARTS]
    guides = [name for name in names if name.startswith(("how-to/", "explanation/"))]
    parts += [beginning(docs / f"{name}.md") for name in guides]
    parts.append("# Reference\n")
    parts += [f"## {call}\n\n{text}\n" for call, text in documented()]
    return "\n\n".join(parts)


def write(app, exception):
    if exception is None and app.builder.format == "html":
        docs, out = Path(app.srcdir), Path(app.outdir)
        names = app.env.toctree_includes.get(app.config.root_doc, [])
        (out / "llms.txt").write_text(index(docs, names), "utf-8")
        (out / "llms-full.txt").write_text(whole(docs, names), "utf-8")


def setup(app):
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
