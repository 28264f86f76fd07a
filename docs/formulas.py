"""Formulas as MathML, which browsers draw by themselves: no script, and nothing from a network."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.errors import ExtensionError


def _inline(writer: Any, node: Any) -> None:
    writer.body.append(_drawn(node, "inline"))
    raise nodes.SkipNode


def _display(writer: Any, node: Any) -> None:
    writer.body.append(f"<div class='math'>{_drawn(node, 'block')}</div>")
    raise nodes.SkipNode


def _drawn(node: Any, display: str) -> str:
    text = node.astext()
    try:
        return convert(text, display=display)
    except Exception as error:  # of many kinds, none of which names the formula
        raise ExtensionError(f"cannot be read as a formula: {text!r}", error) from error


def setup(app: Any) -> dict[str, bool]:
    """Draw formulas so: `html_math_renderer = "mathml"`."""
    app.add_html_math_renderer("mathml", (_inline, None), (_display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
