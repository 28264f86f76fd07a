"""Models and integrators of Xsuite, and those here that stand for them."""

from __future__ import annotations

from ..builder import Fields
from .source import Source

#: by the numbers that older files have
MODELS = {
    **{0: "adaptive", 1: "full", 2: "bend-kick-bend", 3: "rot-kick-rot", 4: "mat-kick-mat"},
    **{5: "drift-kick-drift-exact", 6: "drift-kick-drift-expanded", 7: "rot-kick-rot-low-order"},
    **{8: "rot-kick-rot-high-order", 9: "mat-kick-mat-exact"},
}
INTEGRATORS = {
    **{0: "adaptive", 1: "teapot", 2: "yoshida-6", 3: "uniform", 4: "yoshida-4", 5: "yoshida-8"}
}
DRIFTS = {0: "adaptive", 1: "expanded", 2: "exact"}
EDGES = {-1: "suppressed", 0: "linear", 1: "full", 2: "dipole-only"}
BODIES = {0: "adaptive", 1: "curved-body", 2: "straight-body"}

#: kinds of magnets whose paraxial Hamiltonian is solved with its gradient
_LINEAR = ("mat-kick-mat", "expanded")
_PARAXIAL = "drift-kick-drift-expanded"
#: order, and kicks a step
_SCHEMES = {
    **{"teapot": (2, 1), "uniform": (2, 1), "yoshida-4": (4, 3)},
    # the name of old for what was the integrator of sixth order
    **{"yoshida4": (6, 7), "yoshida-6": (6, 7), "yoshida-8": (6, 15)},
}
#: the integrator that Xsuite takes for bends, and for straight magnets
BENDS, STRAIGHT = "yoshida-6", "uniform"
#: how steps are written, by order
WRITTEN = {2: ("uniform", 1), 4: ("yoshida-4", 3), 6: ("yoshida-6", 7)}
#: under which an element's `extra` has what is only known here
OWN = "pyjutrack"
#: how models of a kind are written
WRITTEN_MODELS = {
    "linear": "mat-kick-mat",
    "paraxial": _PARAXIAL,
    "exact": "drift-kick-drift-exact",
}


def read_model(source: Source, default: str, *, linear: bool) -> Fields:
    """Options of a magnet that stand for its model, integrator and number of kicks.

    Where the file leaves them to Xsuite, that kicks straight magnets once, in the middle, and bends
    by so many kicks that the magnet's own steps do the same here.

    Args:
        default: the integrator that Xsuite takes where the file gives none.
        linear: whether the kind has a linear model, the exact solution of the paraxial one.
    """
    model = source.word("model", "adaptive", MODELS)
    if model not in (*MODELS.values(), "expanded"):
        raise ValueError(f"model = {model!r} is not known")
    fields: Fields = {}
    if model in _LINEAR:
        fields["model"] = "linear" if linear else "paraxial"
    elif model == _PARAXIAL:
        fields["model"] = "paraxial"
    elif model != "adaptive":
        fields["model"] = "exact"
    elif not linear and default == STRAIGHT:
        fields["model"] = "paraxial"
    integrator = source.word("integrator", "adaptive", INTEGRATORS)
    kicks = source.count("num_multipole_kicks")
    own = _read_own(source, kicks)
    if own is not None:
        return {**fields, **own}
    if integrator == "adaptive" and not kicks:
        return fields if default == BENDS else {**fields, "order": 2, "steps": 1}
    if integrator != "adaptive" and integrator not in _SCHEMES:
        raise ValueError(f"integrator = {integrator!r} is not known")
    order, each = _SCHEMES[default if integrator == "adaptive" else integrator]
    fields["order"] = order
    if kicks:
        fields["steps"] = -(-kicks // each)
    return fields


def _read_own(source: Source, kicks: int) -> Fields | None:
    """Order and steps as they were written, unless the number of kicks was changed since."""
    extra = source.attributes.get("extra")
    own = extra.get(OWN) if isinstance(extra, dict) else None
    if not isinstance(own, dict) or own.get("kicks") != kicks or not kicks:
        return None
    return {name: own[name] for name in ("order", "steps") if name in own}
