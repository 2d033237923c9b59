"""A figure whose cell names no alternative text gets the title of its section, not a file name."""

from docutils import nodes


def describe(app, doctree):
    for image in doctree.findall(nodes.image):
        section = image.parent
        while section is not None and not isinstance(section, nodes.section):
            section = section.parent
        if not image.get("alt") and section is not None:
            image["alt"] = f"Figure: {section.next_node(nodes.title).astext()}"


def setup(app):
    app.connect("doctree-read", describe)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
