"""JuTrack's own elements: their fields as given, and those that JuTrack makes of others."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch

from ....beam.reference import SPEED_OF_LIGHT, Reference
from ....core.checks import require_whole
from ....core.errors import AccuracyWarning, InvalidValueError, warn
from ....core.names import label
from ....core.scalars import is_zero, to_float, vanishes
from ....elements.part import Part
from ..opaque import JuTrackElement
from .base import Twin, Twins, require_slope, twin
from .strong_beam import slices_of

Fields = dict[str, Any]
#: bends that JuTrack makes of others, with half the angle at each face
_RECTANGULAR = {
    kind: kind.replace("R", "S", 1) for kind in ("RBEND", "RBEND_SC", "RBEND_SC2P5D")
} | {"ERBEND": "ESBEND"}
#: numbers that JuTrack asks whether they are zero, and leaves out then, by type
_ASKED = {
    **dict.fromkeys(("KQUAD", "KSEXT", "KOCT", "SBEND"), ("KickAngle",)),
    "ESBEND": ("angle", "e1", "e2", "KickAngle"),
    "LBEND": ("K",),
    "SOLENOID": ("ks",),
    "YROTATION": ("angle",),
}
#: types whose derivatives are made without that question
_SMOOTH = ("DRIFT", "QUAD")


@twin(JuTrackElement)
def _(e: JuTrackElement, part: Part, reference: Reference) -> Twins:
    # it cannot be cut
    if not part.start < 0.5 <= part.stop:
        return ()
    fields = dict(e.fields)
    if not is_zero(e.length):
        fields["len"] = e.length
    if e.type in _RECTANGULAR:
        half = fields.get("angle", 0.0) / 2
        fields = {**fields, "e1": half, "e2": half}
    _require_slopes(e, fields)
    _warn_of_faces(e, fields)
    if e.name:
        fields["name"] = e.name  # for what Julia finds fault with
    made = _MADE.get(e.type, _as_they_are)
    return (Twin(_RECTANGULAR.get(e.type, e.type), made(e, fields), e.slip),)


def _require_slopes(e: JuTrackElement, fields: Fields) -> None:
    """Raise InvalidValueError for a slope that JuTrack leaves out."""
    kind = _RECTANGULAR.get(e.type, e.type)
    for name in _ASKED.get(kind, ()):
        value = fields.get(name, 0.0)
        for number in value if isinstance(value, tuple) else (value,):
            require_slope(e, name, number)
    for name in ("T1", "T2") if kind not in _SMOOTH else ():
        shift = fields.get(name, ())
        if all(map(vanishes, shift)):
            for number in shift:
                require_slope(e, name, number)


def _warn_of_faces(e: JuTrackElement, fields: Fields) -> None:
    """Warn of a bend of which JuTrack leaves a part of the radiation out."""
    faces = [abs(math.tan(to_float(fields.get(name, 0.0)))) for name in ("e1", "e2")]
    if not fields.get("rad") or not any(faces):
        return
    share = max(faces) / abs(to_float(e.length)) if not is_zero(e.length) else math.inf
    warn(
        f"{label(e)} radiates (rad = 1), and JuTrack leaves out what the wedges of its faces "
        f"add: up to {share:.2g} x of its loss each at x [m], which damping partitions are "
        "wrong by; take an SBend or RBend with effects=[Radiation()], in which they radiate",
        AccuracyWarning,
    )


def _as_they_are(e: JuTrackElement, fields: Fields) -> Fields:
    return fields


def _with_wavenumber(e: JuTrackElement, fields: Fields) -> Fields:
    """JuTrack's cavities move particles by k, which they make of the frequency once."""
    if "freq" not in fields or "k" in fields:
        return fields
    return {**fields, "k": 2 * math.pi / SPEED_OF_LIGHT * fields["freq"]}


def _boost(e: JuTrackElement, fields: Fields) -> Fields:
    return _with_functions(e, fields, {"cosang": torch.cos, "tanang": torch.tan})


def _boost_back(e: JuTrackElement, fields: Fields) -> Fields:
    return _with_functions(e, fields, {"cosang": torch.cos, "sinang": torch.sin})


def _with_functions(
    e: JuTrackElement, fields: Fields, functions: Mapping[str, Callable[[Any], Any]]
) -> Fields:
    angle = torch.as_tensor(_need(e, fields, "angle"), dtype=torch.float64)
    return {**fields, **{name: f(angle) for name, f in functions.items()}}


def _strong_beam(e: JuTrackElement, fields: Fields) -> Fields:
    """A bunch in slices, as JuTrack's `initilize_zslice!` cuts it."""
    number, count = _need(e, fields, "num_particle"), _need(e, fields, "nzslice")
    require_whole("nzslice", count, 1)
    sizes = _need(e, fields, "beamsize")
    for plane in "xy":
        beta, alpha = _need(e, fields, f"beta_{plane}"), fields.setdefault(f"alpha_{plane}", 0.0)
        fields[f"gamma_{plane}"] = (1 + alpha * alpha) / beta
    places, shares = slices_of(fields.pop("slice_type", "evenzsep"), count)
    del fields["num_particle"], fields["nzslice"]
    centres = tuple(sizes[2] * place for place in places)
    return {**fields, "zslice_center": centres, "zslice_npar": tuple(number * s for s in shares)}


def _need(e: JuTrackElement, fields: Fields, name: str) -> Any:
    if name not in fields:
        raise InvalidValueError(f"JuTrack's {e.type} needs {name}: {e!r}")
    return fields[name]


_MADE: dict[str, Callable[[JuTrackElement, Fields], Fields]] = {
    **dict.fromkeys(
        ("CRABCAVITY", "CRABCAVITY_K2", "easyCRABCAVITY", "AccelCavity", "LongitudinalRFMap"),
        _with_wavenumber,
    ),
    "LorentzBoost": _boost,
    "InvLorentzBoost": _boost_back,
    "StrongGaussianBeam": _strong_beam,
}
