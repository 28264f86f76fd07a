"""A kind of element keeps its promises."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..beam.beam import Beam
from ..beam.reference import Reference
from ..core.scalars import to_float
from ..elements import Element
from ..elements.inverse import has_inverse, track_inverse
from ..elements.part import WHOLE, Part
from ..elements.placement import advance
from ..engines.derivatives import gradient, jacobian
from ..engines.track import track
from ..io import read_lattice, write_lattice
from ..lattice.lattice import Lattice
from ..maps.state import State
from .comparison import differences, require_close, require_true

_NAME = "checked"
_FORM = np.kron(np.eye(3), [[0.0, 1.0], [-1.0, 0.0]])
_WAYS: tuple[dict[str, Any], ...] = (
    {"mode": "reverse", "adjoint": "store"},
    {"mode": "reverse", "adjoint": "checkpoint"},
    {"mode": "reverse", "adjoint": "reversible"},
    {"mode": "forward"},
)


def check_element(
    element: Element,
    *,
    reference: Reference | None = None,
    size: float = 1e-3,
    symplectic: bool = True,
    slices: float = 1e-6,
    files: bool = True,
) -> None:
    """Put an element through all that elements of this package go through.

    A symplectic map; an inverse, if its maps state one; slices that compose; the lost left where
    they are; the same from compiled programs, tensors, batches and in single precision; Jacobians
    and gradients by every knob, also at its zero, in every mode, against differences of values from
    rebuilt elements; a file that gives it back.

    Args:
        element: with parameters of usual size.
        reference: of the beam; protons of 1 GeV by default.
        size: rms of the coordinates that it is tried with [m, 1].
        symplectic: whether its map should be.
        slices: by how much two halves may differ from the whole, relative to `size`: the error of
            an integrator; elements of no length are not cut.
        files: whether it should come back from a file; its class must be findable by name.

    Raises:
        CheckFailedError: what does not hold.

    Example:
        >>> check_element(ElectronLens(k=1e-7, a=2e-3))
    """
    reference = Reference.from_kinetic("proton", 1e9) if reference is None else reference
    require_true(f"{element!r} must be an instance of Element", isinstance(element, Element))
    named = _replace(element, name=_NAME)
    start = torch.as_tensor(np.random.default_rng(1).normal(0, size, (12, 6)))
    _check_map(named, reference, start, symplectic)
    _check_inverse(named, reference, start, size)
    _check_slices(named, reference, start, slices * size)
    _check_lost(named, reference, start)
    _check_paths(named, reference, start, size)
    _check_gradients(named, reference, start)
    if files:
        _check_file(named)


def _replace(element: Element, **changes: Any) -> Element:
    return dataclasses.replace(element, **changes)


def _end(element: Element, reference: Reference, start: Tensor) -> Beam:
    return track(Lattice([element]), Beam(reference, start))


def _check_map(element: Element, reference: Reference, start: Tensor, symplectic: bool) -> None:
    line = Lattice([element])
    for row in start[:2]:
        exact = jacobian(line, reference, at=row)

        def track_shifted(shift: float, axis: int, row: Tensor = row) -> Any:
            at = row.clone()
            at[axis] += shift
            return _end(element, reference, at.unsqueeze(0)).coordinates[0].numpy()

        for axis in range(6):
            slope, bound = differences(partial(track_shifted, axis=axis), 0.0, 1e-5)
            require_close(f"Jacobian, column {axis}", exact[:, axis], slope, 2 * bound + 1e-9)
        if symplectic:
            momentum = to_float(reference.p0c) / to_float(element.exit_reference(reference).p0c)
            off = exact.T @ _FORM @ exact - momentum * _FORM
            scale = max(np.abs(exact).max() ** 2, 1.0)
            require_close("symplecticity", off, np.zeros((6, 6)), 1e-11 * scale)


def _check_inverse(element: Element, reference: Reference, start: Tensor, size: float) -> None:
    if not has_inverse(element, reference, WHOLE):
        return
    alive = torch.ones(len(start), dtype=torch.bool)
    end = advance(element, State(tuple(start.unbind(-1)), alive), reference, WHOLE)
    found = torch.stack(track_inverse(element, end, reference, WHOLE).coordinates, -1)
    live = end.alive.numpy()
    require_close("inverse", found.numpy()[live], start.numpy()[live], 1e-9 * size)


def _check_slices(element: Element, reference: Reference, start: Tensor, tolerance: float) -> None:
    if to_float(element.length) == 0:
        return
    state = State(tuple(start.unbind(-1)), torch.ones(len(start), dtype=torch.bool))
    whole = advance(element, state, reference, WHOLE)
    half, other = Part(0.0, 0.5), Part(0.5, 1.0)
    middle = element.exit_reference(reference, half)
    cut = advance(element, advance(element, state, reference, half), middle, other)
    for name, one, two in zip(
        ["x", "px", "y", "py", "z", "delta"], cut.coordinates, whole.coordinates, strict=True
    ):
        require_close(f"two halves, {name}", one.numpy(), two.numpy(), tolerance + 1e-15)


def _check_lost(element: Element, reference: Reference, start: Tensor) -> None:
    alive = torch.ones(len(start), dtype=torch.bool)
    alive[::3] = False
    marked = start.clone()
    marked[0, 0] = np.nan
    end = track(Lattice([element]), Beam(reference, marked, alive=alive))
    still = end.coordinates.numpy()[~alive.numpy()]
    require_close("the lost stay", still, marked.numpy()[~alive.numpy()], 0.0)
    require_true("the lost must stay lost", not (end.alive & ~alive).any())


def _check_paths(element: Element, reference: Reference, start: Tensor, size: float) -> None:
    plain = _end(element, reference, start).coordinates.numpy()
    leaf = track(
        Lattice([element]), Beam(reference, start.clone().requires_grad_()), adjoint="store"
    )
    require_close("tensors and programs", leaf.coordinates.detach().numpy(), plain, 1e-12 * size)
    batch = _end(element, reference, torch.stack([0 * start, start])).coordinates[1].numpy()
    require_close("a batch", batch, plain, 1e-12 * size)
    single = _end(element, reference, start.float()).coordinates
    require_true("single precision must stay so", single.dtype == torch.float32)
    scale = np.abs(plain).max(0) + size
    require_close("single precision", single.double().numpy(), plain, 2e-5 * scale)


def _knobs(element: Element) -> Iterator[tuple[str, float, Any]]:
    """Address, value, and what makes the element with another value."""
    for field in (*element.knobs, "tilt", "dx", "y_rot"):
        value: Any = getattr(element, field)
        if isinstance(value, tuple):
            for i, entry in enumerate(value):

                def entries(number: Any, field: str = field, i: int = i) -> Element:
                    old = getattr(element, field)
                    return _replace(element, **{field: (*old[:i], number, *old[i + 1 :])})

                yield f"{_NAME}.{field}[{i}]", to_float(entry), entries
            continue

        def make(number: Any, field: str = field) -> Element:
            return _replace(element, **{field: number})

        yield f"{_NAME}.{field}", to_float(value), make


def _check_gradients(element: Element, reference: Reference, start: Tensor) -> None:
    weights = torch.as_tensor(np.random.default_rng(2).normal(size=tuple(start.shape)))

    def objective(final: Beam) -> Tensor:
        return (torch.where(final.alive.unsqueeze(-1), final.coordinates, 0.0) * weights).sum()

    for address, usual, make in _knobs(element):
        field = address.split(".")[1].split("[")[0]
        for value in {usual, 0.0}:
            if field == "length" and value == 0 and usual != 0 and _needs_length(element):
                continue
            here, step = make(value), 1e-4 * max(abs(usual), 1e-2)
            beam = Beam(reference, start)

            def evaluate_at(number: float, make: Any = make, beam: Beam = beam) -> float:
                return float(objective(track(Lattice([make(number)]), beam)))

            one_sided = field == "length" and value == 0
            slope, bound = differences(evaluate_at, value, step, one_sided=one_sided)
            for way in _WAYS:
                found = gradient(objective, Lattice([here]), beam, wrt=[address], **way)
                tolerance = 2 * bound + 1e-7 * abs(float(slope)) + 1e-12
                what = f"d/d {field} at {value:g}, {' '.join(map(str, way.values()))}"
                require_close(what, found[0], slope, tolerance)


def _needs_length(element: Element) -> bool:
    """Return whether an element cannot be made without its length."""
    try:
        _replace(element, length=0.0)
    except Exception:  # it says so in its own way
        return True
    return False


def _check_file(element: Element) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "checked.json"
        write_lattice(path, Lattice([element]))
        found = read_lattice(path).lattice
        require_true(
            f"a file gives back {found.elements[0]!r}, not {element!r}",
            repr(found.elements[0]) == repr(element),
        )
