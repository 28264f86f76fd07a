"""A kind of element keeps its promises."""

from __future__ import annotations

import dataclasses
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..beam.beam import COORDINATES, Beam
from ..beam.reference import Reference
from ..core.scalars import to_float
from ..elements import Element
from ..elements.inverse import has_inverse, track_inverse
from ..elements.part import WHOLE, Part
from ..elements.placement import advance
from ..engines.derivatives import jacobian
from ..engines.track import track
from ..io import read_lattice, write_lattice
from ..lattice.lattice import Lattice
from ..maps.state import State
from .comparison import differences, require_close, require_symplectic, require_true
from .element_derivatives import NAME, check_gradients
from .transport import check_transport


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

    A particle moves as it does alone, whatever the others do; a symplectic map; an inverse, if its
    maps state one; slices that compose; the lost left where they are; the same from compiled
    programs, tensors, batches and in single precision; Jacobians and gradients by every knob, in
    every mode, against differences of values from rebuilt elements; a file that gives it back.
    Knobs are tried at zero too, unless the element refuses that or loses every particle there,
    which is logged.

    Args:
        element: with parameters of usual size.
        reference: of the beam; protons of 1 GeV by default.
        size: rms of the coordinates that it is tried with [m, 1].
        symplectic: whether its map should be; one that says by `is_symplectic` that it is not
            need not be.
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
    named = _replace(element, name=NAME)
    start = torch.as_tensor(np.random.default_rng(1).normal(0, size, (12, 6)))
    check_transport(named, reference, start)
    _check_alone(named, reference, start, size)
    _check_map(named, reference, start, symplectic)
    _check_inverse(named, reference, start, size)
    _check_slices(named, reference, start, slices * size)
    _check_lost(named, reference, start, size)
    _check_paths(named, reference, start, size)
    check_gradients(named, reference, start)
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
            require_close(
                f"Jacobian, column {axis}, by {COORDINATES[axis]}",
                exact[:, axis],
                slope,
                2 * bound + 1e-9,
                "keep to operations of PyTorch, without .detach(), .item() or NumPy",
            )
        if symplectic and element.is_symplectic:
            momentum = to_float(reference.p0c) / to_float(element.exit_reference(reference).p0c)
            remedy = "derive the kicks from one potential, or override `is_symplectic`"
            require_symplectic("symplecticity", exact, 1e-11, remedy, momentum)


def _check_inverse(element: Element, reference: Reference, start: Tensor, size: float) -> None:
    if not has_inverse(element, reference, WHOLE):
        return
    alive = torch.ones(len(start), dtype=torch.bool)
    end = advance(element, State(tuple(start.unbind(-1)), alive), reference, WHOLE)
    found = torch.stack(track_inverse(element, end, reference, WHOLE).coordinates, -1)
    live = end.alive.numpy()
    require_close(
        "The inverse of its maps must give back where particles started",
        found.numpy()[live],
        start.numpy()[live],
        1e-9 * size,
        "`inverse` of @map gives the parameters with which the map undoes itself",
        rows=True,
    )


def _check_slices(element: Element, reference: Reference, start: Tensor, tolerance: float) -> None:
    if to_float(element.length) == 0:
        return
    state = State(tuple(start.unbind(-1)), torch.ones(len(start), dtype=torch.bool))
    whole = advance(element, state, reference, WHOLE)
    half, other = Part(0.0, 0.5), Part(0.5, 1.0)
    middle = element.exit_reference(reference, half)
    cut = advance(element, advance(element, state, reference, half), middle, other)
    require_close(
        "two halves must move particles as the whole does",
        torch.stack(cut.coordinates, -1).numpy(),
        torch.stack(whole.coordinates, -1).numpy(),
        tolerance + 1e-15,
        "move by length * (part.stop - part.start); of an integrator, allow its error by slices=",
        rows=True,
    )


def _check_alone(element: Element, reference: Reference, start: Tensor, size: float) -> None:
    together = _end(element, reference, start)
    alone = [_end(element, reference, row.unsqueeze(0)) for row in start[:3]]
    what = f"{type(element).__name__} is not a function of one particle; tracked alone"
    remedy = "what depends on other particles is a collective effect: see CollectiveEffect"
    found = torch.cat([beam.coordinates for beam in alone]).numpy()
    expected = together.coordinates[:3].numpy()
    require_close(what, found, expected, 1e-12 * size, remedy, rows=True)
    alive = torch.cat([beam.alive for beam in alone])
    require_close(f"{what}, what is lost", alive, together.alive[:3], 0.0, remedy)


def _check_lost(element: Element, reference: Reference, start: Tensor, size: float) -> None:
    alive = torch.ones(len(start), dtype=torch.bool)
    alive[::3] = False
    marked = start.clone()
    marked[0, 0] = np.nan
    end = track(Lattice([element]), Beam(reference, marked, alive=alive))
    lost = ~alive.numpy()
    require_close(
        "the lost must stay where they are",
        end.coordinates.numpy()[lost],
        marked.numpy()[lost],
        0.0,
        "move by state.apply, which leaves them",
        rows=True,
    )
    require_true("the lost must stay lost", not (end.alive & ~alive).any())
    require_close(
        f"{type(element).__name__} is not a function of one particle; beside lost ones",
        end.coordinates.numpy()[~lost],
        _end(element, reference, start).coordinates.numpy()[~lost],
        1e-12 * size,
        "sum over no particles, and change no coordinate in place",
        rows=True,
    )


def _check_paths(element: Element, reference: Reference, start: Tensor, size: float) -> None:
    plain = _end(element, reference, start).coordinates.numpy()
    leaf = track(
        Lattice([element]), Beam(reference, start.clone().requires_grad_()), adjoint="store"
    )
    require_close(
        "Tensors that carry derivatives must move as plain numbers do",
        leaf.coordinates.detach().numpy(),
        plain,
        1e-12 * size,
        rows=True,
    )
    batch = _end(element, reference, torch.stack([0 * start, start])).coordinates[1].numpy()
    require_close(
        "A beam in a batch must move as it does alone", batch, plain, 1e-12 * size, rows=True
    )
    single = _end(element, reference, start.float()).coordinates
    require_true("single precision must stay so", single.dtype == torch.float32)
    scale = np.abs(plain).max(0) + size
    require_close(
        "Single precision must agree with double precision",
        single.double().numpy(),
        plain,
        2e-5 * scale,
        rows=True,
    )


def _check_file(element: Element) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "checked.json"
        write_lattice(path, Lattice([element]))
        found = read_lattice(path).lattice
        require_true(
            f"a file gives back {found.elements[0]!r}, not {element!r}",
            repr(found.elements[0]) == repr(element),
        )
