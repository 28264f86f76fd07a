"""A calibration in a file, to go on from after a kill."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from ..core import tensorfile
from ..core.errors import InvalidValueError
from .calibration import Step
from .measurements import Measurements
from .model import Twin
from .optimizers import State

_HOLDS = "calibration-run"
#: relative difference up to which costs are the same, on another machine too
_SAME = 1e-6


class Run(NamedTuple):
    """Settings that distinguish one run from another."""

    twin: Twin
    data: Measurements
    held_out: tuple[int, ...]
    method: str
    loss: str
    shots: int
    slope_particles: int | None
    seed: int
    #: cost at the start, which hardly two models and two sets of errors have in common
    cost: float

    def mark(self) -> dict[str, Any]:
        """Plain data that agree only for the same run."""
        # the same settings in another order are the same
        settings = json.dumps(list(map(dict, self.data.settings)), sort_keys=True)
        seen = hashlib.sha256(settings.encode())
        for table in (self.data.readings, self.data.used):
            for name in sorted(table):
                seen.update(name.encode() + table[name].tobytes())
        coordinates = self.twin.beam.coordinates.detach().cpu().contiguous().numpy()
        seen.update(coordinates.tobytes())
        rows = [(u.address, str(u.prior), u.relative, u.count) for u in self.twin.unknowns]
        mark = {
            "set of unknowns": rows,
            "set of measurements": seen.hexdigest(),
            "set of held-out shots": self.held_out,
            "method": self.method,
            "loss": self.loss,
            "number of shots a step": self.shots,
            "number of particles for slopes": str(self.slope_particles),
            "seed": self.seed,
        }
        return dict(tensorfile.plain(mark))

    def save(
        self, path: str | Path | None, state: State, best: State, history: Sequence[Step]
    ) -> None:
        """Write where it is, whole or not at all."""
        if path is None:
            return
        # as tensors, which hold what is infinite; none held out is NaN
        rows = [[s.step, s.cost, math.nan if s.held_out is None else s.held_out] for s in history]
        tensors = {"history": torch.tensor(rows, dtype=torch.float64)}
        description = {"run": self.mark(), "cost": self.cost}
        for name, s in (("state", state), ("best", best)):
            tensors[f"{name}/vector"] = torch.from_numpy(s.vector.copy())
            tensors[f"{name}/moments"] = torch.from_numpy(s.moments.copy())
            description[name] = [s.step, s.cost, s.damping, s.still]
        tensorfile.write(Path(path), description, tensors, holds=_HOLDS)

    def restore(self, path: str | Path | None) -> tuple[State, State, list[Step]] | None:
        """Restore the state of a run, or None without a file.

        Raises:
            InvalidValueError: the file is damaged, a folder, or of another run.
        """
        if path is None or not Path(path).exists():
            return None
        description, tensors, _ = tensorfile.read(
            Path(path),
            holds=_HOLDS,
            said="checkpoint of a calibration",
            remedy="give another path, or remove it to start afresh",
        )
        ours, theirs = self.mark(), description["run"]
        other = [k for k in ours if ours[k] != theirs.get(k)]
        if not other and not math.isclose(self.cost, description["cost"], rel_tol=_SAME):
            other = ["model, start or error of the readings"]
        if other:
            raise InvalidValueError(
                f"{path} is of another calibration (another {', '.join(other)}); remove it to "
                "start afresh"
            )
        found = []
        for name in ("state", "best"):
            step, cost, damping, still = description[name]
            vector, moments = (tensors[f"{name}/{part}"].numpy() for part in ("vector", "moments"))
            found.append(State(step, vector, cost, damping, moments, still))
        rows = tensors["history"].tolist()
        history = [Step(int(n), cost, None if math.isnan(e) else e) for n, cost, e in rows]
        return found[0], found[1], history
