"""ImpactX (package impactx-noacc): its kicks by integrated Green functions.

In a child process, on one core: the package has no OpenMP. A call is `track_particles` through one
slice of a drift, which is a kick, both changes of its coordinates, and next to nothing else. By
slices the longitudinal kick is off. Its "2.5D" solves one density for all slices.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .bunch import CHARGE, REFERENCE, STEP, Bunch
from .bunch_kick import RATIOS, Made, Nodes
from .peer import PeerMissing

#: multiples of 8, as its blocks want
_SIDES = [n for n in range(16, 161) if n % 8 == 0]
#: of the box over the bunch: it takes nothing below
_MARGIN = 1.01


@dataclass(frozen=True)
class ImpactX:
    """A model, "3D" or "2p5D"; linear shape functions are its cheapest and most exact."""

    model: str = "3D"
    shape: int = 1
    sides: Iterable[int] = tuple(_SIDES)

    @property
    def name(self) -> str:
        return f"impactx {self.model}"

    @property
    def ratios(self) -> Sequence[float]:
        # along the bunch it has bins, which cost little and count fully in the nearest
        return RATIOS[False] if self.model == "3D" else (2.0, 4.0)

    def make(self, bunch: Bunch, nodes: Nodes, threads: int, which: str | None = "") -> Made:
        if importlib.util.find_spec("impactx") is None:
            raise PeerMissing("impactx-noacc is not installed")
        child = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.impactx_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        assert child.stdin is not None
        assert child.stdout is not None
        writing, reading = child.stdin, child.stdout

        def ask(line: str) -> None:
            writing.write(line + "\n")
            writing.flush()
            if not reading.readline():
                raise RuntimeError(f"ImpactX ended with {child.wait()}")

        def close() -> None:
            writing.close()
            child.wait()
            reading.close()

        with tempfile.TemporaryDirectory() as folder:
            places, kicks = (Path(folder, f"{name}.npy") for name in ("places", "kicks"))
            np.save(places, bunch.places)
            wanted = {
                "model": self.model,
                "shape": self.shape,
                "margin": _MARGIN,
                "nodes": nodes,
                "species": REFERENCE.species.name,
                "kinetic_energy": (REFERENCE.gamma - 1) * REFERENCE.species.mass,
                "charge": CHARGE,
                "step": STEP,
                "places": str(places),
                "kicks": str(kicks),
            }
            ask(json.dumps(wanted))
            px, py, pt = np.load(kicks)
        # pt is minus the change of the energy in units of P0 c
        total = 1 / REFERENCE.beta - pt
        delta = np.sqrt(total**2 - 1 / REFERENCE.beta_gamma**2) - 1
        made = [px, py] if self.model != "3D" else [px, py, delta]
        return Made({"one core": lambda: ask("again")}, np.stack(made), close=close)
