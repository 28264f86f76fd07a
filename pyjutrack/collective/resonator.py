"""The longitudinal wake of a resonator at one place of the machine."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from ..beam.beam import Beam
from ..beam.moments import mean
from ..beam.reference import SPEED_OF_LIGHT
from ..core.checks import require_real, require_texts, require_whole
from ..core.errors import InvalidValueError
from ..core.scalars import Number
from ..core.storage import storable
from ..elements import Element
from ..maps.state import State
from .base import CollectiveEffect, Place, require_charge

#: a bunch may start with this share of its particles outside the window
_OUTSIDE = 0.01


class Phasor(NamedTuple):
    """The ringing of former passages, as seen when the reference arrives; two parts [C]."""

    real: Tensor
    imaginary: Tensor


class Loss(NamedTuple):
    """The loss of delta at the nodes of the window, and the ringing that is left."""

    nodes: Tensor
    ringing: Phasor | None


@storable
@dataclass(frozen=True)
class ResonatorWake(CollectiveEffect):
    """Longitudinal wake of a resonator, as one kick at elements of a name.

    A particle that passes by t after a charge q loses the energy e q W(t), with

        W(t) = w R/Q exp(-a t) (cos(b t) - a/b sin(b t)),  a = w/(2 Q), b = sqrt(w^2 - a^2),

    half of W(0) by itself, and nothing by charges after it. delta changes by that energy to first
    order, and t = -z / (beta c) with the reference's velocity. The charge is deposited on even bins
    by cubic B-splines, and the voltage read by them, so that the kick is twice differentiable in
    everything; both smooth z by an rms of 0.58 bins each.

    Attributes:
        at: name of the elements, thin or thick, at whose centre the wake acts.
        frequency: w / 2 pi [Hz].
        shunt: shunt impedance R [ohm], with power V^2 / (2 R).
        quality: Q, above 1/2.
        window: full length in z about the reference [m]; particles outside are lost.
        bins: of the window; take several a wavelength and a rms length of the bunch.
        period: between two passages of the bunch [s], after which it meets what it left ringing.
            None forgets.
        scale: factor on the wake; 1 is physical.

    Raises:
        InvalidValueError: any of these is not so; a beam with a current instead of a charge; a
            window that the bunch does not fit in.

    Source: A. W. Chao, Physics of Collective Beam Instabilities in High Energy Accelerators, Wiley
    (1993), eqs. 2.82-2.84.
    """

    reversible: ClassVar[bool] = True
    weighted: ClassVar[bool] = True
    lumped: ClassVar[bool] = True

    at: str
    frequency: Number
    shunt: Number
    quality: Number = 1.0
    window: float = 0.1
    bins: int = 200
    period: float | None = None
    scale: Number = 1.0

    def __post_init__(self) -> None:
        require_texts("at", [self.at], "a name of elements")
        for name in ("frequency", "shunt", "quality", "scale"):
            require_real(name, getattr(self, name))
        for name in ("frequency", "window"):
            require_real(name, getattr(self, name), above=0)
        require_real("quality", self.quality, above=0.5)
        require_whole("bins", self.bins, 8)
        if self.period is not None:
            require_real("period", self.period, above=0)

    def slices(self, element: Element) -> int:
        """Once at the elements of the name."""
        return int(element.name == self.at)

    def check(self, beam: Beam) -> None:
        """Raise for a coasting beam, and one that the window does not hold."""
        require_charge(beam, self)
        z = beam.coordinate("z").detach()
        beyond = torch.where(beam.alive, ~self._inside(z), False)
        outside = float(mean(beam, beyond.to(z.dtype)).detach().nan_to_num(0.0).max())
        if outside > _OUTSIDE:
            raise InvalidValueError(
                f"{outside:.1%} of the bunch lie outside of the wake's window, "
                f"{self.window:g} m; take a longer one"
            )

    def start(self, beam: Beam) -> Mapping[int, Phasor] | None:
        """Start without ringing; each element gets its own, by its place."""
        return None if self.period is None else {}

    def admit(self, state: State) -> State:
        """Particles outside the window are lost."""
        z = state.coordinates[4].detach()
        return State(state.coordinates, state.alive & self._inside(z))

    def field(self, beam: Beam, state: State, place: Place, memory: Any = None) -> Loss:
        """Compute the loss at each node of the window."""
        z, reference = state.coordinates[4], beam.reference
        times = self._nodes(z) * (-1 / (SPEED_OF_LIGHT * reference.beta))
        line = beam.world.sum(self._deposit(beam, z, state.alive))
        voltage = line @ self._wake(times - times.unsqueeze(-1))
        ringing = None
        if memory is not None:
            voltage, ringing = self._with_ringing(voltage, line, times, memory.get(place.number))
        per_volt = abs(reference.species.charge) / (reference.beta * reference.p0c)
        return Loss(voltage * per_volt * self.scale, ringing)

    def remember(self, memory: Any, field: Loss, place: Place) -> Any:
        """Return the ringing when the bunch comes back."""
        if field.ringing is None or self.period is None:
            return memory
        time = torch.as_tensor(self.period).to(field.nodes)
        return {**memory, place.number: self._ring(field.ringing, time)}

    def apply(self, state: State, field: Loss, place: Place) -> State:
        """Slow particles down by what is lost where they are."""
        *others, z, delta = state.coordinates
        nodes, weights = self._spread(torch.where(state.alive, z, 0.0))
        near = field.nodes.expand(*z.shape[:-1], -1).gather(-1, nodes.flatten(-2))
        loss = (near.reshape(weights.shape) * weights).sum(-1)
        return State((*others, z, delta - torch.where(state.alive, loss, 0.0)), state.alive)

    def _inside(self, z: Tensor) -> Tensor:
        return z.abs() <= self.window / 2

    def _nodes(self, like: Tensor) -> Tensor:
        """z of the nodes: one before the window, and two after it."""
        step = self.window / self.bins
        return (torch.arange(self.bins + 3).to(like) - 1) * step - self.window / 2

    def _spread(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """The four nodes near each particle, and its cubic B-spline there; (..., N, 4)."""
        u = (z + self.window / 2) * (self.bins / self.window)
        cell = u.detach().floor().clamp(0, self.bins - 1)
        f = u - cell
        g = 1 - f
        weights = torch.stack(
            [g**3 / 6, (3 * f**3 - 6 * f**2 + 4) / 6, (3 * g**3 - 6 * g**2 + 4) / 6, f**3 / 6], -1
        )
        return cell.long().unsqueeze(-1) + torch.arange(4, device=z.device), weights

    def _deposit(self, beam: Beam, z: Tensor, alive: Tensor) -> Tensor:
        """Deposit the charge of the particles here at the nodes [C]."""
        nodes, weights = self._spread(torch.where(alive, z, 0.0))
        charges = torch.where(alive, beam.charge * beam.shares, 0.0).to(weights.dtype)
        amounts = (charges.unsqueeze(-1) * weights).flatten(-2)
        empty = z.detach().new_zeros(*z.shape[:-1], self.bins + 3)
        return empty.scatter_add(-1, nodes.flatten(-2), amounts)

    def _wake(self, time: Tensor) -> Tensor:
        """W [V/C], half of it at zero, and none before."""
        rings = self._ring(Phasor(torch.ones_like(time), torch.zeros_like(time)), time.relu())
        share = torch.heaviside(time.detach(), time.detach().new_tensor(0.5))
        return share * self._voltage(rings)

    def _rates(self) -> tuple[Number, Number]:
        """Rates of decay and of oscillation [1/s]."""
        omega = 2 * math.pi * self.frequency
        decay = omega / (2 * self.quality)
        return decay, (omega * omega - decay * decay) ** 0.5

    def _ring(self, rings: Phasor, time: Tensor) -> Phasor:
        """Advance the ringing by a time [s]."""
        decay, oscillation = self._rates()
        size = torch.exp(-decay * time)
        cosine, sine = size * torch.cos(oscillation * time), size * torch.sin(oscillation * time)
        return Phasor(
            rings.real * cosine - rings.imaginary * sine,
            rings.real * sine + rings.imaginary * cosine,
        )

    def _voltage(self, rings: Phasor) -> Tensor:
        """Voltage of the ringing [V]."""
        decay, oscillation = self._rates()
        kick = 2 * math.pi * self.frequency * self.shunt / self.quality
        voltage: Tensor = kick * (rings.real - decay / oscillation * rings.imaginary)
        return voltage

    def _with_ringing(
        self, voltage: Tensor, line: Tensor, times: Tensor, before: Phasor | None
    ) -> tuple[Tensor, Phasor]:
        """The voltage with that of former passages, and what rings after this one."""
        added = self._ring(Phasor(line, torch.zeros_like(line)), -times)
        ringing = Phasor(added.real.sum(-1), added.imaginary.sum(-1))
        if before is None:
            return voltage, ringing
        columns = Phasor(before.real.unsqueeze(-1), before.imaginary.unsqueeze(-1))
        voltage = voltage + self._voltage(self._ring(columns, times))
        return voltage, Phasor(before.real + ringing.real, before.imaginary + ringing.imaginary)
