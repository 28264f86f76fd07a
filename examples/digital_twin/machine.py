"""A machine that differs from its design, and measures itself: what the twin has to learn.

Its code is not that of the twin. Quadrupoles are integrated with the exact Hamiltonian, space
charge is a finite-difference solution in an elliptical pipe with finer steps, the field error is a
formula that kicks the beam between two trackings, and the beam has other and more particles.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

import pyjutrack as pj
from pyjutrack.diagnostics import WireScanner

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "elliptical_pipe"))
from solver import EllipticalPipe

Array = NDArray[np.float64]
Settings = dict[str, float]

PROTON = pj.Reference.from_kinetic("proton", kinetic_energy=1e9)
QUADRUPOLES = {"q1": 20.0, "q2": -20.0, "q3": 20.0, "q4": -20.0}
#: design of the incoming beam
TWISS = pj.optics.Twiss(beta_x=1.02, alpha_x=-1.24, beta_y=1.02, alpha_y=1.24)
EMITTANCE = (1e-6, 1e-6)
STATIONS = ("s0", "s1", "s2", "s3")
#: half of the width that the design may fill [m]
CLEAR = 5e-3
#: rms noise of a pixel, some 2 % of the peak of a profile
NOISE = 2e-3


def scanners(noise: float = NOISE) -> list[WireScanner]:
    """A horizontal and a vertical wire at each station."""
    return [
        WireScanner(s, plane=p, width=0.016, bins=40, resolution=3e-4, noise=noise)
        for s in STATIONS
        for p in "xy"
    ]


def line(field: pj.Element, **options: object) -> pj.Lattice:
    """Two cells and four stations; the field error sits after the first."""
    q = {
        name: pj.Quadrupole(0.1, k1=k1, name=name, **options)  # type: ignore[arg-type]
        for name, k1 in QUADRUPOLES.items()
    }
    return pj.Lattice(
        [
            pj.Marker(name="s0"),
            pj.Kicker(name="steerer"),
            *(pj.Drift(0.2), q["q1"], pj.Drift(0.4), q["q2"], pj.Drift(0.2)),
            pj.Marker(name="s1"),
            field,
            *(pj.Drift(0.2), q["q3"], pj.Drift(0.2)),
            pj.Marker(name="s2"),
            *(pj.Drift(0.2), q["q4"], pj.Drift(0.6)),
            pj.Marker(name="s3"),
        ]
    )


def plan(shots: int, seed: int) -> list[Settings]:
    """Settings of a measurement campaign: quadrupoles, steerer and current, all at random.

    Kept are those at which the beam of the design stays clear of the walls.
    """
    rng = np.random.default_rng(seed)
    design = line(pj.Marker(name="field"))
    beam = pj.distributions.gaussian(PROTON, 512, twiss=TWISS, emittance=EMITTANCE, seed=0)
    found: list[Settings] = []
    while len(found) < shots:
        row = {f"{n}.k1": k * (1 + rng.uniform(-0.4, 0.4)) for n, k in QUADRUPOLES.items()}
        row |= {f"steerer.{k}": rng.uniform(-3e-3, 3e-3) for k in ("hkick", "vkick")}
        row["beam.current"] = rng.uniform(10.0, 200.0)
        settings = {k: float(v) for k, v in row.items() if not k.startswith("beam")}
        beams = pj.beams_at(design.with_values(settings), beam, STATIONS)
        reach = max(float(b.coordinate(u).abs().max()) for b in beams.values() for u in "xy")
        if reach < CLEAR:
            found.append({k: float(v) for k, v in row.items()})
    return found


@dataclass(frozen=True)
class Machine:
    """The machine, hidden from the twin.

    Attributes:
        errors: relative errors of the quadrupoles, by name.
        amplitude: of the field error [m]: a polynomial in a Gaussian, see `field`.
        centre: of the field error [m].
        semi_axes: of the pipe [m].
        particles: of the beam.
        seed: of its particles.
    """

    errors: dict[str, float]
    amplitude: float = 1.5e-6
    centre: tuple[float, float] = (8e-4, -5e-4)
    semi_axes: tuple[float, float] = (0.0085, 0.0065)
    particles: int = 32768
    seed: int = 77

    @classmethod
    def draw(cls, seed: int) -> Machine:
        """One of many machines: errors of 6 to 12 % of either sign, another field."""
        rng = np.random.default_rng(seed)
        size, sign = rng.uniform(0.06, 0.12, 4), rng.choice([-1, 1], 4)
        errors = dict(zip(QUADRUPOLES, (size * sign).tolist(), strict=True))
        return cls(
            errors,
            amplitude=float(rng.uniform(1e-6, 2e-6)),
            centre=tuple(rng.uniform(-1e-3, 1e-3, 2)),
            seed=seed,
        )

    def truth(self) -> dict[str, float]:
        """The errors that a calibration should find, by the labels of its unknowns."""
        return {f"{name}.k1": error for name, error in self.errors.items()}

    @cached_property
    def _kick(self) -> pj.SpaceCharge:
        pipe = EllipticalPipe(self.semi_axes, (0.02, 0.02), (96, 96))
        return pj.SpaceCharge(pipe, max_step=0.02)

    @cached_property
    def _beam(self) -> pj.Beam:
        return pj.distributions.gaussian(
            PROTON,
            self.particles,
            twiss=TWISS,
            emittance=EMITTANCE,
            quiet=True,
            seed=self.seed,
        )

    def field(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The potential H of the field error [m]: a quarter of a lens, not one multipole."""
        u, v = (x - self.centre[0]) / 4e-3, (y - self.centre[1]) / 4e-3
        return (
            self.amplitude * (u**3 - 3 * u * v**2 + u**2 - v**2 / 2) * torch.exp(-(u**2 + v**2) / 2)
        )

    def profiles(self, settings: Settings) -> dict[str, Array]:
        """Readings of the wires without noise."""
        lattice = line(pj.Marker(name="field"), model="exact", steps=6, order=4)
        k1 = {f"{n}.k1": settings[f"{n}.k1"] * (1 + e) for n, e in self.errors.items()}
        steerer = {k: v for k, v in settings.items() if k.startswith("steerer")}
        lattice = lattice.with_values(k1 | steerer)
        beam = self._beam.replace(current=settings["beam.current"])
        at = next(i for i, e in enumerate(lattice) if e.name == "field")
        first, second = pj.Lattice(lattice.elements[:at]), pj.Lattice(lattice.elements[at:])
        first = pj.Lattice([first, pj.Marker(name="exit")])
        with torch.no_grad():
            found = pj.beams_at(first, beam, ["s0", "s1", "exit"], effects=[self._kick])
            kicked = self._apply_field(found.pop("exit"))
            found |= pj.beams_at(second, kicked, ["s2", "s3"], effects=[self._kick])
            return {s.name: s.read(found[s.at]).numpy() for s in scanners()}

    def _apply_field(self, beam: pj.Beam) -> pj.Beam:
        x, y = (beam.coordinate(u).clone().requires_grad_() for u in "xy")
        with torch.enable_grad():
            slopes = torch.autograd.grad(self.field(x, y).sum(), [x, y])
        coordinates = beam.coordinates.clone()
        coordinates[:, 1] -= slopes[0]
        coordinates[:, 3] -= slopes[1]
        return beam.replace(coordinates=coordinates)

    def measure(
        self, settings: list[Settings], *, noise: float = NOISE, seed: int = 0
    ) -> pj.Measurements:
        """A campaign of noisy profiles."""
        rng = np.random.default_rng(seed)
        shots = [self.profiles(s) for s in settings]
        readings = {
            name: np.stack([shot[name] for shot in shots])
            + noise * rng.standard_normal((len(shots), len(shots[0][name])))
            for name in shots[0]
        }
        return pj.Measurements(settings, readings)
