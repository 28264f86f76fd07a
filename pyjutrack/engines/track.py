"""Tracking: maps of elements, and collective effects between their slices."""

from __future__ import annotations

from collections.abc import Sequence

from ..beam.beam import Beam
from ..collective.base import CollectiveEffect
from ..core.transforms import disable_compile
from ..lattice.batch import each_where_needed
from ..lattice.lattice import Lattice
from ..tracking.adjoints import Adjoint
from ..tracking.loss_warning import warn_if_differentiable, warn_of_effects
from ..tracking.task import task_of
from .choice import engine_of
from .protocol import Engine
from .vmapped import as_settings


@disable_compile
@as_settings
@each_where_needed
def track(
    lattice: Lattice,
    beam: Beam,
    *,
    effects: Sequence[CollectiveEffect] = (),
    turns: int = 1,
    engine: str | Engine = "native",
    adjoint: str | Adjoint = "auto",
) -> Beam:
    """Track a beam through a lattice.

    Each element is cut into slices no longer than the effects ask for, or by less than a
    thousandth; a slice is half its map, the effects, and the other half: second order in the step,
    symplectic at any step. With the native engine differentiable in every tensor among the
    parameters of the lattice, the beam and the effects, by autograd and by `torch.func`.

    Args:
        lattice: what to track through.
        beam: what to track; it is left as it is.
        effects: collective effects, each applied at the centres of its own slices, in their order.
        turns: how often to pass the lattice.
        engine: "native", or "julia" for JuTrack.
        adjoint: what is kept for a backward pass through a native tracking; one of
            `pyjutrack.adjoints`, such as Checkpoint(every=100), or a short name. "store" keeps what
            every slice needs, some 130 bytes a particle. "reversible" reconstructs the beam in the
            backward pass, in memory that does not grow with the slices, for some more time.
            "checkpoint" runs the way once more from kept beams, their number the square root of
            the slices, and asks nothing of the effects. "auto" stores up to 1 GiB, and beyond that
            takes "reversible" where the effects allow it and precision is double. The last two give
            first derivatives by autograd, of whatever "store" gives them. `gradient`, which needs
            no more, takes "reversible" for space charge at any size: it is also the fastest.

    Returns:
        The beam at the end. Lost particles are marked in `alive` and keep the coordinates at
        which they were lost.

    Raises:
        InvalidValueError: non-finite coordinates, a negative current, turns below 1, a beam larger
            than the box of a kick, an effect whose `slices` cannot be made.
        UnknownNameError: an effect at an element that the lattice does not have.

    Warns:
        LossWarning: the beam at the end carries derivatives, and particles were lost at sharp
            edges: which ones is held fixed. Soft apertures are part of a derivative; see
            `Aperture`.
        ResolutionWarning: particles were lost outside of the window of an effect.
        AccuracyWarning: effects kick particles by more than their momentum, and the next element
            loses them, which the lattice does not by itself.

    Example:
        >>> end = pj.track(ring, beam, effects=[pj.SpaceCharge()], turns=100)
        >>> pj.moments.sizes(end)
    """
    chosen = engine_of(engine)
    task = task_of(lattice, beam, effects, turns, adjoint)
    end = chosen.track(task)
    warn_of_effects(task, [end])
    warn_if_differentiable(beam, [end])
    return end
