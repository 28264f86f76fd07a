"""Recordings of an element's motion, kept with the element."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from torch import Tensor

from ..beam.reference import Reference
from .base import Element
from .part import Part

T = TypeVar("T")
Make = Callable[[Element, Reference, Part], T]
#: parts of an element that are kept: more than that are of several ways to slice it
_MOST = 1000


def memoize(make: Make[T], element: Element, reference: Reference, part: Part) -> T:
    """Memoize what a function makes of a part of an element, for the last reference.

    An element is frozen, and a lattice in which some are replaced has the others' recordings. What
    depends on tensors is made anew each time: they carry derivatives, or change.
    """
    if element.has_tensors or isinstance(reference.p0c, Tensor):
        return make(element, reference, part)
    recordings, key = element.recordings, (make, part)
    found = recordings.get(key)
    if found is None or found[0] != reference:
        if len(recordings) >= _MOST:
            recordings.clear()
        found = recordings[key] = reference, make(element, reference, part)
    made: T = found[1]
    return made


def memoize_whole(make: Callable[[Element], T], element: Element) -> T:
    """Memoize what a function makes of an element alone; see `memoize`."""
    if element.has_tensors:
        return make(element)
    recordings = element.recordings
    if make not in recordings:
        recordings[make] = make(element)
    found: T = recordings[make]
    return found
