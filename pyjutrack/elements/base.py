"""The base of elements: a frozen, checked record with a name and a place, its motion and traits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ..beam.reference import Reference
from ..core.checks import format_value, wrong
from ..core.errors import InvalidValueError, require_known
from ..core.names import label
from ..core.scalars import Number, differs, is_zero
from ..core.settings import along_particles, broadcast_batch, require_settings, say_how
from ..core.special import bool_or
from ..core.tensors import tensors_in
from ..maps.state import State
from .glyph import Glyph, box
from .part import WHOLE, Part

PLACEMENT = ("tilt", "dx", "dy", "dz", "x_rot", "y_rot", "z_rot")


@dataclass(frozen=True, kw_only=True)
class Element:
    """Base of all elements; a kind is a frozen dataclass of parameters with a method `transport`.

    The displacement is that of a rigid body about the middle of the element (of the chord's ends,
    for bends), against the frame of the reference orbit there: first the translation, then the
    rotations about y, x and s in this order. It moves the hardware and not the orbit.

    Attributes:
        name: by which knobs find it; elements that share a name move together.
        length: along the reference orbit [m].
        tilt: roll of the design about s [rad]; a bend's reference orbit rolls with it.
        dx, dy, dz: displacement [m].
        x_rot, y_rot, z_rot: rotations about the axes x, y, s [rad], right-handed.
    """

    name: str = ""
    tilt: Number = 0.0
    dx: Number = 0.0
    dy: Number = 0.0
    dz: Number = 0.0
    x_rot: Number = 0.0
    y_rot: Number = 0.0
    z_rot: Number = 0.0
    #: the class is a base of kinds and no kind itself
    abstract: ClassVar[bool] = True
    #: names of the kind's own parameters that may be knobs
    knobs: ClassVar[tuple[str, ...]] = ()
    #: knobs that every kind has
    placement: ClassVar[tuple[str, ...]] = PLACEMENT
    #: those of them that are tuples of numbers
    series: ClassVar[tuple[str, ...]] = ()
    #: and whose numbers of entries are the kind's own, and no order of a multipole
    fixed_series: ClassVar[tuple[str, ...]] = ()
    #: names of parameters that are one vector, a knob as a whole
    vectors: ClassVar[tuple[str, ...]] = ()
    #: choices of the option fields
    choices: ClassVar[dict[str, tuple[str, ...]]] = {}
    #: changes the frame in which all that follows is described: its placement is what it does
    is_frame_change: ClassVar[bool] = False
    #: there is physics of it; see `Placeholder`
    is_modelled: ClassVar[bool] = True
    #: the parameters named in `vectors` are weights of a learned potential
    is_learned: ClassVar[bool] = False
    #: of its radio-frequency field [Hz]; 0 where it has none
    rf_frequency: ClassVar[Number] = 0.0
    #: whether that may kick particles on the axis across it
    kicks_by_rf: ClassVar[bool] = True
    #: whether that deflects particles alone, and no beam follows it by another momentum
    deflects_by_rf: ClassVar[bool] = False
    #: the parameter that is path of the reference [m]
    path: ClassVar[str] = "length"
    #: all that it does to a beam near the axis is a smooth map; see `Lattice.merged`
    merges: ClassVar[bool] = False
    #: its length may be negative: a step back along s, of what moves particles as free space does
    may_step_back: ClassVar[bool] = False
    #: how it is drawn along s; None for what is but space or a place
    glyph: ClassVar[Glyph | None] = Glyph("other", "#999999", box(-0.2, 0.2))
    length: Number = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise wrong(f"{type(self).__name__}: name", self.name, "a string")
        for name in (*self.knobs, *self.placement):
            if not hasattr(self, name):
                raise InvalidValueError(
                    f"{type(self).__name__} names a knob {name!r} and has no such field; give it "
                    "one, or leave it out of `knobs`"
                )
            value: Any = getattr(self, name)
            if type(value) is float and math.isfinite(value) and name not in self.series:
                continue
            read = self._numbers if name in self.series else self._number
            object.__setattr__(self, name, read(name, value))
        if "length" not in self.knobs and (isinstance(self.length, Tensor) or self.length != 0):
            raise InvalidValueError(f"{self._label()} is thin; it cannot have a length")
        # a tensor may step below zero while a derivative at zero is taken; maps run backwards there
        if not isinstance(length := self.length, Tensor) and length < 0 and not self.may_step_back:
            raise InvalidValueError(
                f"{self._label()} has length {length} m; lengths must not be negative, but those "
                "of kinds that may step back, such as Drift"
            )
        for name, allowed in self.choices.items():
            require_known(f"{name} of {self._label()}", getattr(self, name), allowed)

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        # what a kind says of its own motion does not hold for another motion
        if "transport" in vars(cls) and "transmits_all" not in vars(cls):
            cls.transmits_all = Element.transmits_all  # type: ignore[method-assign]

    @property
    def opening(self) -> tuple[tuple[float, float], tuple[float, float]] | None:
        """Lowest and highest x and y that it lets pass [m]; None where it lets all pass."""
        return None

    def transport(self, state: State, reference: Reference, part: Part) -> State:
        """Move particles through a part of the element where it was designed to stand.

        By `state.apply` of maps, or of pure functions of coordinates: then the element is recorded
        as a program, differentiated and inverted as far as its maps are. Particles that are not
        alive must keep their coordinates. Parameters may be columns, one entry for each particle:
        that is how `optics` passes many elements of a kind at once.

        Args:
            state: particles at the entrance of the part, in the frame of the rolled design.
            reference: before the part.

        Raises:
            InvalidValueError: the kind does not define it.
        """
        raise InvalidValueError(
            f"elements of kind {type(self).__name__} define no `transport(self, state, reference, "
            "part)`, which returns the state after a part; docs/extending.md has one that runs"
        )

    def exit_reference(self, reference: Reference, part: Part = WHOLE) -> Reference:
        """The reference particle after a part of the element; its momentum carries derivatives.

        The very one that was given, where the element does not accelerate it.
        """
        return reference

    def without_rf(self) -> Element:
        """The element with its radio frequency switched off."""
        return self

    @property
    def focuses_by_rf(self) -> bool:
        """Whether it has a radio-frequency field that focuses, which `without_rf` leaves out."""
        return False

    @property
    def represents(self) -> str:
        """The kind of a file that it keeps the place of, where there is no model of it."""
        return ""

    def skipped(self) -> Element:
        """Itself; of what is not modelled, the space that it takes."""
        return self

    @property
    def bend_angle(self) -> Number:
        """Angle by which the reference orbit turns [rad], positive towards negative x."""
        return 0.0

    @property
    def curvature(self) -> Number:
        """Curvature of the reference orbit [1/m]."""
        return 0.0

    @property
    def arc_length(self) -> Number:
        """Length over which the reference orbit bends [m]; of thin bends, 0 where it is unknown."""
        return self.length

    @property
    def normal_dipole(self) -> Number:
        """Normal dipole field over B rho on the axis [1/m]."""
        return self.curvature

    @property
    def normal_gradient(self) -> Number:
        """Normal gradient over B rho [1/m^2]."""
        return 0.0

    @property
    def multipoles(self) -> tuple[tuple[Number, ...], tuple[Number, ...]]:
        """Normal and skew field over B rho and its derivatives by x: (k0, k1, ...), (k0s, ...).

        On the axis, per length [1/m, 1/m^2, ...]; what radiates.
        """
        return (self.normal_dipole, self.normal_gradient), ()

    def with_field(self, factor: Number) -> Element:
        """The element with its field times a factor, and the reference orbit as it is.

        Itself, where there is no field that bends particles.
        """
        return self

    @property
    def face_angles(self) -> tuple[Number, Number]:
        """Angles of entrance and exit face to the square to the reference orbit [rad]."""
        return 0.0, 0.0

    @property
    def transmits_all(self) -> bool:
        """True if every particle that may enter comes out."""
        return False

    @property
    def is_symplectic(self) -> bool:
        """False if its map is known not to conserve volume in phase space."""
        return True

    @property
    def is_soft(self) -> bool:
        """True if it lowers the weights of particles; see `Aperture`."""
        return False

    @cached_property
    def is_displaced(self) -> bool:
        """True if it is not where it was designed to be; a tensor may be anything but zero."""
        return not all(is_zero(getattr(self, name)) for name in self.placement[1:])

    @cached_property
    def has_tensors(self) -> bool:
        """True if there are tensors among its parameters, which may carry derivatives."""
        return bool(tensors_in(self))

    @cached_property
    def batch(self) -> torch.Size:
        """The shape of its parameters that hold many settings; () where none does."""
        if not self.has_tensors:
            return torch.Size()
        names = (*self.knobs, *self.placement)
        return broadcast_batch(self._label(), [getattr(self, n) for n in names])

    @cached_property
    def along_particles(self) -> Element:
        """The element with a last dimension for the particles in parameters of many settings."""
        if not self.batch:
            return self
        # kept, so that derivatives must go through it also where none are asked for now
        with torch.inference_mode(False), torch.enable_grad():
            names = (*self.knobs, *self.placement)
            return replace(self, **{n: along_particles(getattr(self, n)) for n in names})

    @cached_property
    def recordings(self) -> dict[Any, Any]:
        """Recordings of its motion; see `elements.recordings`."""
        return {}

    def _label(self) -> str:
        return label(self)

    def _numbers(self, name: str, values: Any) -> tuple[Number, ...]:
        if isinstance(values, Tensor) and values.dim() == 1:
            values = values.unbind(0)
        if isinstance(values, (str, bytes)) or not isinstance(values, (Sequence, np.ndarray)):
            raise InvalidValueError(
                f"{self._label()}: {name} must be a sequence of numbers, got {format_value(values)}"
            )
        return tuple(self._number(name, v) for v in values)

    def _vector(self, name: str, value: Tensor) -> Tensor:
        if not bool_or(torch.isfinite(value.detach()).all(), default=True):
            raise InvalidValueError(f"{self._label()}: {name} must be finite")
        return value

    def _number(self, name: str, value: Any) -> Number:
        if isinstance(value, Tensor):
            return require_settings(f"{self._label()}: {name}", value)
        try:
            if isinstance(value, (str, bytes, bool, np.bool_)):
                raise TypeError
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            raise wrong(f"{self._label()}: {name}", value, "a number", say_how(value)) from None
        if not math.isfinite(number):
            raise InvalidValueError(f"{self._label()}: {name} must be finite, got {number}")
        return number

    def __repr__(self) -> str:
        shown = [
            f"{f.name}={getattr(self, f.name)!r}"
            for f in fields(self)
            if f.name != "name" and differs(getattr(self, f.name), f.default)
        ]
        return f"{type(self).__name__}({', '.join([*shown, f'name={self.name!r}'])})"
