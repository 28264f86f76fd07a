"""An element where it stands: tilted, displaced, or as designed."""

from __future__ import annotations

from ..elements import Element
from ..reference import Reference
from .base import Part, State, transport


def advance(element: Element, state: State, reference: Reference, part: Part) -> State:
    """Move particles through a part of an element, wherever it stands."""
    return transport(element, state, reference, part)
