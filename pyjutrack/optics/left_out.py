"""What optics in four dimensions leave out of cavities, where they take them for drifts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch

from ..beam.reference import Reference
from ..core.errors import AccuracyWarning, warn
from ..core.names import label
from ..core.scalars import to_float
from ..core.settings import broadcast_batch
from ..elements import Element
from ..lattice.batch import require_one
from .passing import Passage

#: relative change of a momentum, and angle [rad], that optics may leave out
_ACCELERATED, _KICKED = 1e-3, 1e-6
#: change of delta by a phase that is zero but for rounding
_ROUNDING = 1e-12

#: an element, and what its field does to a particle on the axis: angle [rad], change of delta
Change = tuple[Element, float, float]


def warn_of_ring(
    elements: Sequence[Element], still: Sequence[Element], reference: Reference
) -> None:
    """Warn of cavities that focus, kick, or leave the reference another momentum.

    Those that give energy to the beam alone make up for what it radiates, which is left out too.

    Args:
        still: what each of the elements is taken for.

    Warns:
        AccuracyWarning: there are such cavities.
    """
    end = reference
    for element in elements:
        end = element.exit_reference(end)
    waves = [(e, other) for e, other in zip(elements, still, strict=True) if other is not e]
    focusing = [e for e, _ in waves if e.focuses_by_rf]
    change = 0.0 if end is reference else to_float(end.p0c / reference.p0c) - 1
    said = []
    if focusing:
        said.append(f"{_count(len(focusing), 'focuses', 'focus')}, the first {focusing[0].name!r}")
    if abs(change) > _ACCELERATED:
        said.append(f"the momentum of the reference changes by {100 * change:.3g} % along them")
    said += _tell_kicks(_changes([wave for wave in waves if wave[0].kicks_by_rf], reference))
    if said:
        warn(
            f"optics in 4 dimensions take cavities for drifts, but {' and '.join(said)}: functions "
            "and orbits are not those of the beam; give `initial` functions of a line, or take "
            "pj.jacobian, which has both",
            AccuracyWarning,
        )


def warn_of_line(elements: Iterable[tuple[Element, Reference]]) -> None:
    """Warn of cavities of a line that kick the beam, or change its momentum and no reference.

    What they change of a momentum adds up along the line, and counts where it is largest.

    Args:
        elements: that are taken for drifts, or have no wave, and the reference before each.

    Warns:
        AccuracyWarning: there are such cavities.
    """
    stretches: dict[int, tuple[Reference, list[tuple[Element, Element]]]] = {}
    for element, reference in elements:
        still = element.without_rf()
        if still is not element:
            stretches.setdefault(id(reference), (reference, []))[1].append((element, still))
    changes, total, most = [], 0.0, 0.0
    for before, some in stretches.values():
        momentum = to_float(before.p0c)
        for change in _changes(some, before):
            changes.append(change)
            total += change[2] * momentum
            most = max(most, total / momentum, key=abs)
    said = _tell_kicks(changes)
    if abs(most) > _ACCELERATED:
        gains = [(e, gain) for e, _, gain in changes if abs(gain) > _ROUNDING]
        element, gain = gains[0]
        said.append(
            f"{_count(len(gains), 'changes', 'change')} the delta of the beam, by up to {most:.3g} "
            f"in all, and the reference keeps its momentum, the first {label(element)} by "
            f"{gain:.3g}"
        )
    if said:
        warn(
            "optics of a line take cavities for drifts that neither focus nor accelerate the "
            f"reference, but {' and '.join(said)}: functions and orbit are not those of the beam; "
            "take accelerate=True, or pj.jacobian and pj.track, which have both",
            AccuracyWarning,
        )


def _tell_kicks(changes: Sequence[Change]) -> list[str]:
    kicks = [(e, kick) for e, kick, _ in changes if kick > _KICKED]
    if not kicks:
        return []
    element, kick = kicks[0]
    count = _count(len(kicks), "kicks", "kick")
    return [f"{count} the beam, the first {label(element)} by {kick:.3g} rad"]


def _count(number: int, one: str, many: str) -> str:
    return f"{number} of them {one if number == 1 else many}"


def _changes(waves: Sequence[tuple[Element, Element]], reference: Reference) -> list[Change]:
    """What fields of elements do on the axis that neither focus nor change the reference.

    Args:
        waves: elements, and what they are without their field.
    """
    pairs = [
        pair
        for pair in waves
        if not pair[0].focuses_by_rf and pair[0].exit_reference(reference) is reference
    ]
    if not pairs:
        return []
    batch = broadcast_batch("cavities", [e.batch for e, _ in pairs])
    require_one("what cavities do to a beam on the axis", batch)
    start = torch.zeros(len(pairs), 6, dtype=torch.float64)
    with torch.no_grad():
        acting, still = (Passage(s, reference).values(start) for s in zip(*pairs, strict=True))
    change = (acting - still).nan_to_num(math.inf)
    kicks, gains = change[:, [1, 3]].norm(dim=1).tolist(), change[:, 5].tolist()
    return [(e, *numbers) for (e, _), *numbers in zip(pairs, kicks, gains, strict=True)]
