"""Many settings in every public call that takes a lattice: as of each, or refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from public_calls import calls

import pyjutrack as pj

FACTORS = torch.tensor([1.0, 1.001, 0.999], dtype=torch.float64)
#: what says that it takes one setting alone; the rest answers for all
REFUSED = {
    "loss_map",
    "match",
    "match limits",
    "plotting.plot_lattice",
    "plotting.plot_optics",
    "taper",
    "write_lattice",
}
#: holds the lattice that it is given, and computes nothing of it; or has turns before settings
ELSEWHERE = {"Twin", "Lattice + other", "track_turns"}


def numbers(data: Any) -> list[np.ndarray]:
    """All numbers in a result but those of a reference particle, which settings do not change."""
    if isinstance(data, torch.Tensor):
        data = data.detach().numpy()
    if isinstance(data, (float, np.ndarray)):
        found = np.asarray(data)
        return [found] if found.dtype.kind in "fc" else []
    if isinstance(data, pj.Beam):
        return numbers(data.coordinates)
    if isinstance(data, dict):
        data = tuple(data.values())
    if dataclasses.is_dataclass(data):
        data = tuple(getattr(data, f.name) for f in dataclasses.fields(data))
    if isinstance(data, (tuple, list)):
        return [one for part in data for one in numbers(part)]
    return []


@pytest.mark.filterwarnings("ignore")
def test_every_public_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    answered = set()
    for name, (function, arguments) in calls(tmp_path).items():
        # slopes are sums of much larger ones, in another order
        tolerance = 1e-11 if "adjoint" in arguments and "wrt" in arguments else 1e-13
        for argument, lattice in arguments.items():
            if not isinstance(lattice, pj.Lattice) or name in ELSEWHERE:
                continue
            knob = (lattice.knobs("*.k1") or lattice.knobs("*"))[0]
            values = float(lattice.value(knob)) * FACTORS
            each_one = [
                {**arguments, argument: lattice.with_values({knob: v})} for v in values.tolist()
            ]
            together = {**arguments, argument: lattice.with_values({knob: values})}
            if name in REFUSED:
                with pytest.raises(pj.errors.InvalidValueError, match="one after another"):
                    function(**together)
                continue
            answered.add(name)
            found = numbers(function(**together))
            each = zip(*(numbers(function(**one)) for one in each_one), strict=True)
            for many, ones in zip(found, each, strict=True):
                wanted = np.stack(ones)
                if many.ndim < wanted.ndim:  # what is one for all of them
                    many = np.broadcast_to(many, wanted.shape)
                scale = np.nanmax(np.abs(wanted), initial=0.0)
                np.testing.assert_allclose(many, wanted, rtol=tolerance, atol=tolerance * scale)
    assert len(answered) > 20
