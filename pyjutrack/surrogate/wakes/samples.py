"""Line densities of bunches, and the wakes that an effect of the package gives for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ...beam.beam import Beam
from ...beam.reference import Reference, require_reference
from ...collective.base import CollectiveEffect, Place
from ...collective.wakes.components import COMPONENTS
from ...collective.wakes.lines import per_volt, wake_line
from ...core.checks import require_callable, require_kind, require_whole, wrong
from ...core.errors import InvalidValueError, require_known
from ...core.scalars import to_float
from ...elements import Drift, Element, Marker
from ...maps.state import State
from ...mesh.grid import GHOSTS
from ...mesh.line import spread
from ...mesh.shapes import BSPLINE
from .bunches import Bunches

#: charge of the bunches and offset of test particles: any will do, as kicks are linear in both
_CHARGE, _OFFSET = 1e-9, 1e-3
_FAMILY = "Bunches(lengths=(1e-3, 1e-2), offset=0.5, particles=(5_000, 100_000))"
#: added to normal equations, in units of their mean diagonal
_RIDGE = 1e-12


class WakeSamples(NamedTuple):
    """Line densities and wakes, in single precision where `train` has them.

    Attributes:
        shares: of the bunch at the nodes (B, nodes).
        wake: at the centres of the cells (B, cells) [V/C], zero where it is not known.
        known: where a test particle felt it (B, cells).
        spacing: of the cells (B,) [m].
    """

    shares: Tensor
    wake: Tensor
    known: Tensor
    spacing: Tensor

    def pick(self, index: Tensor) -> WakeSamples:
        """Pick some of the samples by their index."""
        return WakeSamples(*(a[index] for a in self))

    def to(self, *args: Any) -> WakeSamples:
        """Convert to another precision or device, by args of `Tensor.to`; `known` stays a mask."""
        parts = [a if a.dtype == torch.bool and args[0] in _FLOATS else a.to(*args) for a in self]
        return WakeSamples(*parts)


_FLOATS = (torch.float32, torch.float64)


def wake_samples(
    effect: CollectiveEffect,
    bunches: Bunches,
    count: int,
    *,
    cells: int = 128,
    seed: int = 0,
    reference: Reference | None = None,
    component: str = "longitudinal",
    element: Element | None = None,
    progress: Callable[[], object] = lambda: None,
) -> WakeSamples:
    """Draw bunches and let an effect act on test particles in their fields.

    The effect may be any whose kick of one momentum depends on z alone, such as `Wake` or coherent
    radiation: it is asked what a test particle at the centre of each cell feels.

    Args:
        effect: what is to be learned. With finer cells than those asked for it also follows noise
            of the macroparticles that these do not show: small of smooth wakes, most of the kick
            of one that falls as t^(-3/2).
        bunches: the family; its `window` is that of the line, None for lines that follow.
        count: of bunches.
        cells: of the line.
        seed: of the bunches.
        reference: None is an electron of 1 GeV.
        component: whose kick is taken: "longitudinal", "constant x", "quadrupole y", ...
        element: in which the effect acts, in as many slices as it does there, and by the kick of
            all of them; None for an element of the name in `effect.at`, or for one metre of drift.
        progress: called after each bunch.

    Raises:
        InvalidValueError: the effect has a memory, acts nowhere in the element, or does not kick
            by the component.
    """
    require_kind("effect", effect, CollectiveEffect, "an effect", "such as a Wake")
    require_kind("bunches", bunches, Bunches, "a family of Bunches", "such as " + _FAMILY)
    require_callable("progress", progress, "a function of no argument", 0)
    for name, value, least in (("count", count, 1), ("cells", cells, 8), ("seed", seed, 0)):
        require_whole(name, value, least)
    reference = settle_reference(reference, component, element)
    places = _places(effect, element)
    found = []
    for index in range(count):
        _, z = bunches.draw(seed, index)
        rows = torch.zeros(len(z), 6, dtype=torch.float64)
        rows[:, 4] = torch.from_numpy(z)
        beam = Beam(reference, rows, charge=_CHARGE)
        state = State(beam.coordinates.unbind(-1), beam.alive)
        line = wake_line(beam, state, bunches.window, cells)
        shares = spread(line, beam.coordinate("z"), beam.alive, beam.shares)
        at = torch.from_numpy(line.positions()[GHOSTS:-GHOSTS])
        wake, known = felt_wake(effect, beam, at, component, places)
        if not wake.any():
            raise InvalidValueError(
                f"no test particle feels a {component!r} wake of this {type(effect).__name__}; "
                "give the component that it has, and a scale that is not zero"
            )
        found.append((shares, wake, known, torch.tensor(line.spacing, dtype=torch.float64)))
        progress()
    return WakeSamples(*(torch.stack(column) for column in zip(*found, strict=True)))


def settle_reference(
    reference: Reference | None, component: str, element: Element | None
) -> Reference:
    """The reference of bunches, once what else samples are of is checked; see `wake_samples`."""
    require_known("component", component, [n for n, c in COMPONENTS.items() if c.source is None])
    if element is not None:
        require_kind("element", element, Element, "an element or None", "such as Drift(1.0)")
    found = Reference.from_kinetic("electron", 1e9) if reference is None else reference
    require_reference(found)
    return found


def felt_wake(
    effect: CollectiveEffect, beam: Beam, at: Tensor, component: str, places: list[Place]
) -> tuple[Tensor, Tensor]:
    """The wake at positions z [V/C], and the mask of those where there is one.

    Args:
        at: (M,) [m].
        component, places: of `wake_samples`.
    """
    planes = COMPONENTS[component].planes
    if effect.start(beam) is not None:
        raise InvalidValueError(
            f"this {type(effect).__name__} has a memory; a network learns the wake of one passage"
        )
    columns = [torch.zeros_like(at) for _ in range(6)]
    columns[4] = at
    for plane in planes:
        columns[plane] = torch.full_like(at, _OFFSET)
    column = planes[0] + 1 if planes else 5
    test = effect.admit(State(tuple(columns), torch.ones_like(at, dtype=torch.bool)))
    source = effect.admit(State(beam.coordinates.unbind(-1), beam.alive))
    known, total = test.alive, torch.zeros_like(at)
    for place in places:
        end = effect.apply(test, effect.field(beam, source, place, None), place)
        total = total + end.coordinates[column] - test.coordinates[column]
        known = known & end.alive
    unit = to_float(per_volt(beam)) * to_float(beam.charge)
    unit *= _OFFSET ** (len(planes) - 1) if planes else -1.0
    return torch.where(known, total / unit, 0.0), known


def wake_error(wake: Tensor, samples: WakeSamples) -> Tensor:
    """rms error of the kick over the rms kick of each bunch, over its particles; (B,).

    Args:
        wake: at the nodes (B, nodes), as a `WakeModel` returns it.
        samples: what it should be.

    Raises:
        InvalidValueError: no samples, or a wake of another shape than theirs.
    """
    require_kind("samples", samples, WakeSamples, "those of wake_samples")
    shape = tuple(samples.shares.shape)
    if not isinstance(wake, Tensor) or wake.shape != shape:
        raise wrong("wake", wake, f"a tensor of the shape of the shares, {shape}")
    return _relative(wake, samples, _density(samples))


def line_error(wake: Tensor, samples: WakeSamples) -> Tensor:
    """The same with all places alike where the wake is known."""
    return _relative(wake, samples, samples.known.to(wake.dtype))


def read_centres(wake: Tensor) -> Tensor:
    """What particles at the centres of the cells (..., cells) read from values at the nodes."""
    before, middle, after = BSPLINE.on_node
    cells = wake.shape[-1] - 2 * GHOSTS
    low, centre, high = (wake[..., GHOSTS + k : GHOSTS + k + cells] for k in (-1, 0, 1))
    return before * low + middle * centre + after * high


def least_squares(
    predict: Callable[[Tensor, Tensor], Tensor], count: int, samples: WakeSamples
) -> Tensor:
    """Find weights of least squared error of the kick over the rms kick, particles and line alike.

    Args:
        predict: the wake at the nodes (B, nodes), of weights (count,), in which it is linear, and
            of shares (B, nodes).
        count: of the weights.
        samples: in double precision.

    Returns:
        (count,); zero in directions of which the samples say nothing.
    """
    basis = torch.eye(count, dtype=samples.wake.dtype, device=samples.wake.device)
    normal, right = basis * 0, basis[0] * 0
    for one in range(len(samples.wake)):
        sample = samples.pick(torch.tensor([one], device=basis.device))
        columns = torch.func.vmap(lambda w, s=sample: read_centres(predict(w, s.shares))[0])(basis)
        rows = torch.zeros_like(sample.wake[0])
        for weights in (_density(sample)[0], sample.known[0].to(rows.dtype)):
            known = torch.where(sample.known[0], weights, 0.0)
            rows = rows + known / (known * sample.wake[0] ** 2).sum()
        normal = normal + (columns * rows) @ columns.T
        right = right + (columns * rows) @ sample.wake[0]
    return torch.linalg.solve(normal + _RIDGE * normal.diagonal().mean() * basis, right)


def _density(samples: WakeSamples) -> Tensor:
    """The shares in the cells."""
    return samples.shares[..., GHOSTS:-GHOSTS].clamp(min=0)


def _relative(wake: Tensor, samples: WakeSamples, weights: Tensor) -> Tensor:
    weights = torch.where(samples.known, weights, 0.0)
    off = (weights * (read_centres(wake) - samples.wake) ** 2).sum(-1)
    return torch.sqrt(off / (weights * samples.wake**2).sum(-1))


def _places(effect: CollectiveEffect, element: Element | None) -> list[Place]:
    """The slices of an element."""
    if element is None:
        at = getattr(effect, "at", None)
        element = Drift(1.0) if at is None else Marker(name=at)
    count, length = effect.slices(element), to_float(element.length)
    if not count:
        raise InvalidValueError(
            f"this {type(effect).__name__} does not act in {element}; give an element where it does"
        )
    return [
        Place(
            element, 0, (n + 0.5) * length / count, length / count, 1 / count, 0, (n + 0.5) / count
        )
        for n in range(count)
    ]
