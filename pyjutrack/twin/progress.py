"""A calibration in a file, to go on from after a kill."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from ..errors import InvalidValueError
from ..surrogate import files
from .calibration import Step
from .descent import State
from .measurements import Measurements
from .model import Twin

_HOLDS = "calibration-run"


class Run(NamedTuple):
    """What tells one run from another."""

    twin: Twin
    data: Measurements
    held_out: tuple[int, ...]
    loss: str
    adam: bool
    seed: int

    def mark(self) -> dict[str, Any]:
        """Plain data that agree only for the same run."""
        seen = hashlib.sha256(json.dumps(list(map(dict, self.data.settings))).encode())
        for table in (self.data.readings, self.data.used):
            for name in sorted(table):
                seen.update(name.encode() + table[name].tobytes())
        coordinates = self.twin.beam.coordinates.detach().cpu().contiguous().numpy()
        seen.update(coordinates.tobytes())
        return {
            "unknowns": [[u.address, u.prior, u.relative, u.count] for u in self.twin.unknowns],
            "data": seen.hexdigest(),
            "held_out": list(self.held_out),
            "loss": self.loss,
            "adam": self.adam,
            "seed": self.seed,
        }

    def save(
        self, path: str | Path | None, state: State, best: State, history: Sequence[Step]
    ) -> None:
        """Write where it is, whole or not at all."""
        if path is None:
            return
        tensors, numbers = {}, {}
        for name, s in (("state", state), ("best", best)):
            tensors[f"{name}/vector"] = torch.from_numpy(s.vector.copy())
            tensors[f"{name}/moments"] = torch.from_numpy(s.moments.copy())
            numbers[name] = [s.step, s.cost, s.damping, s.still]
        description = {
            "run": self._plain_mark(),
            **numbers,
            "history": [dataclasses.astuple(step) for step in history],
        }
        files.write(Path(path), description, tensors, holds=_HOLDS)

    def restored(self, path: str | Path | None) -> tuple[State, State, list[Step]] | None:
        """Where it was, or None without a file.

        Raises:
            InvalidValueError: the file is damaged, or of another run.
        """
        if path is None or not Path(path).exists():
            return None
        try:
            description, tensors, _ = files.read(Path(path), holds=_HOLDS)
        except InvalidValueError as error:
            raise InvalidValueError(f"{error}; remove it to start afresh") from error
        ours, theirs = self._plain_mark(), description["run"]
        other = [k for k in ours if ours[k] != theirs.get(k)]
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
        return found[0], found[1], [Step(*row) for row in description["history"]]

    def _plain_mark(self) -> dict[str, Any]:
        # infinite priors are no JSON
        mark = self.mark()
        mark["unknowns"] = [[str(entry) for entry in row] for row in mark["unknowns"]]
        return dict(files.plain(mark))
