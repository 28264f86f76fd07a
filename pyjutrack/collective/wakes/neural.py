"""A wake that a network gives from the line density of the bunch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor

from ...autodiff import value_of
from ...beam.beam import Beam
from ...core.checks import require_real, require_setting, require_whole, wrong
from ...core.errors import InvalidValueError, require_known
from ...core.one_by_one import check_each
from ...core.scalars import Number, is_transformed
from ...core.storage import storable
from ...maps.state import State
from ...mesh.line import Line, spread
from ..base import Place
from ..intensity import require_charge
from .components import COMPONENTS
from .lines import LineEffect, check_line, check_places, per_volt, still_state, wake_line

#: components whose source is the charge, and not its offset
_COMPONENTS = tuple(name for name, c in COMPONENTS.items() if c.source is None)


class WakeModel(Protocol):
    """What gives the wake of a line density: a trained network, or an `nn.Module` of your own.

    Attributes:
        cells: of the line, 8 or more; `solve` gets and returns `cells` + 4 values, with two ghosts
            on each side.
        window: full length of the line about the reference [m], outside of which particles are
            lost; None for a line that follows the bunch.
    """

    @property
    def cells(self) -> int: ...

    @property
    def window(self) -> float | None: ...

    def solve(self, shares: Tensor, spacing: float) -> Tensor:
        """The wake at the nodes, by the charge that makes it.

        A pure, differentiable function.

        Args:
            shares: (..., cells + 4), those of the live beam at the nodes, by cubic B-splines; they
                sum to one. Nodes ascend in z: the head of the bunch is last.
            spacing: length of a cell [m].

        Returns:
            (..., cells + 4) [V/C], per metre where the effect acts along lengths, [V/(C m)] for
            "quadrupole". Particles read it by cubic B-splines.
        """
        ...


@runtime_checkable
class CheckedWakeModel(Protocol):
    """A model that checks bunches, as it is right for some only."""

    def check(self, beam: Beam, shares: Tensor) -> None:
        """Raise or warn, before tracking, for a bunch, of shares (..., nodes) at the nodes."""
        ...


class LineWake(NamedTuple):
    """The wake at the nodes of a line in units of P0 c."""

    line: Line
    nodes: Tensor


@storable
@dataclass(frozen=True)
class NeuralWake(LineEffect):
    """A wake by a network, of a cavity, a pipe or coherent radiation: line density in, kick out.

    The shares of the bunch are spread over a line of cells by cubic B-splines; the model returns
    the voltage at the nodes for a charge of one coulomb, and particles read it by B-splines, as
    v(z). With k = e Q/(beta P0 c) for a bunch of charge Q, and U the potential of the kick,

    ================  ================  ==============================================
    component         U                 changes
    ================  ================  ==============================================
    "longitudinal"    integral of k v   delta by -k v: positive v takes energy
    "constant x"      -k x v            px by k v, delta by k x dv/dz
    "quadrupole x"    -k x^2/2 v        px by k x v, delta by k x^2/2 dv/dz
    ================  ================  ==============================================

    and y likewise. All changes are slopes of one potential: what the network says, the map of a
    particle in the field of the others is symplectic. Nothing else is kept: a network may act ahead
    of the charge, where a wake does not, and give energy. The kick is proportional to the charge
    that is alive: of a bunch of one shape, whatever the model.

    Attributes:
        model: what gives v: `pyjutrack.surrogate.WakeSurrogate`, or anything else that is a
            `WakeModel`. Its weights are knobs, "effects[0].model.weights".
        at: name of the elements, thin or thick, at whose centre the wake acts as a whole; in
            its place `max_step` for all elements along their lengths, with v that of one metre.
        component: a row of the table.
        scale: factor on the wake.
        max_step: longest slice between kicks along lengths [m], a number, or one per element kind:
            given in place of `at`.

    Raises:
        InvalidValueError: any of these is not so, `at` and `max_step` both or neither among them; a
            beam with a current instead of a charge; a window that the bunch does not fit in; a
            model that returns another number of values, or some that are not finite.

    Warns:
        ResolutionWarning: less than two cells an rms length, or less than one particle a cell.

    Example:
        >>> model = pj.surrogate.WakeSurrogate.load("collimator.safetensors")
        >>> effect = pj.collective.NeuralWake(model, at="collimator")
        >>> pj.gradient(figure, ring, bunch, effects=[effect], wrt=["effects[0].model.weights"])
    """

    batched: ClassVar[tuple[str, ...]] = ("beam.charge",)
    one_by_one: ClassVar[tuple[str, ...]] = ("scale",)
    model: WakeModel
    at: str | None = None
    component: str = "longitudinal"
    scale: Number = 1.0
    max_step: float | Mapping[str, float] | None = None

    @check_each
    def __post_init__(self) -> None:
        model = self.model
        parts = callable(getattr(model, "solve", None)) and hasattr(model, "window")
        if isinstance(model, type) or not parts or not hasattr(model, "cells"):
            raise wrong(
                "model", model, "a WakeModel, with cells, window and solve(shares, spacing)"
            )
        require_whole("cells of the model", model.cells, 8)
        if model.window is not None:
            require_setting("window of the model", model.window, above=0)
        check_places(self.at, self.max_step)
        require_known("component", self.component, COMPONENTS)
        if self.component not in _COMPONENTS:
            raise InvalidValueError(
                f"the source of a {self.component!r} wake is the offset of the charge, and a "
                "network sees the charge alone; give a Wake with a WakeTable"
            )
        require_real("scale", self.scale)

    @property
    def line_form(self) -> tuple[float | None, int]:
        """The window and the cells of the model."""
        return self.model.window, self.model.cells

    def check(self, beam: Beam) -> None:
        """Raise for a coasting beam or one too long for the window; let the model check it."""
        require_charge(beam, self)
        state = still_state(beam)
        line = self._line(beam, state)
        check_line(beam, line, "train a network of")
        if isinstance(self.model, CheckedWakeModel):
            shares = self._shares(beam, self.admit(state), line)
            self.model.check(beam, shares.detach())

    def field(self, beam: Beam, state: State, place: Place, memory: Any = None) -> LineWake:
        """Compute the wake at each node of the line."""
        line = self._line(beam, state)
        shares = self._shares(beam, state, line)
        live = shares.sum(-1, keepdim=True)
        whole = torch.where(live == 0, torch.ones_like(live), live)  # where all is lost
        wake = self.model.solve(shares / whole, line.spacing)
        if not isinstance(wake, Tensor) or wake.shape != shares.shape:
            found = f"shape {tuple(wake.shape)}" if isinstance(wake, Tensor) else repr(type(wake))
            raise InvalidValueError(
                f"{type(self.model).__name__}.solve returned {found}; it must return a tensor of "
                f"the shape of the shares, {tuple(shares.shape)}"
            )
        self._require_finite(value_of(wake).detach(), value_of(live).detach())
        factor = live * beam.charge * per_volt(beam) * self.scale
        if self.at is None:
            factor = factor * place.ds
        return LineWake(line, wake.to(shares.dtype) * factor)

    def _require_finite(self, wake: Tensor, live: Tensor) -> None:
        if is_transformed(wake) or is_transformed(live):
            return
        if bool((~wake.isfinite() & (live != 0)).any()):
            raise InvalidValueError(
                f"{type(self.model).__name__}.solve returned a wake that is not finite, by which "
                "the whole bunch would be lost"
            )

    def _line(self, beam: Beam, state: State) -> Line:
        return wake_line(beam, state, self.model.window, self.model.cells)

    def _shares(self, beam: Beam, state: State, line: Line) -> Tensor:
        z = state.coordinates[4]
        return beam.world.sum(spread(line, z, state.alive, beam.shares.to(z)))
