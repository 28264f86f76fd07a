"""Every public call with many settings of one of its arguments: as of each, or refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from public_calls import calls

import pyjutrack as pj


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


def check_public_calls(
    folder: Path,
    kind: type,
    vary: Callable[[Any], tuple[Any, Sequence[Any]]],
    refused: Collection[str],
    elsewhere: Collection[str],
) -> int:
    """Count the calls that answer; `vary` gives an argument in all settings, and in each."""
    answered = set()
    for name, (function, arguments) in calls(folder).items():
        # slopes are sums of much larger ones, in another order
        tolerance = 1e-11 if "adjoint" in arguments and "wrt" in arguments else 1e-13
        for argument, given in arguments.items():
            if not isinstance(given, kind) or name in elsewhere:
                continue
            in_all, in_each = vary(given)
            together = {**arguments, argument: in_all}
            if name in refused:
                with pytest.raises(pj.errors.InvalidValueError, match="one after another"):
                    function(**together)
                continue
            answered.add(name)
            found = numbers(function(**together))
            each_one = [{**arguments, argument: one} for one in in_each]
            each = zip(*(numbers(function(**one)) for one in each_one), strict=True)
            for many, ones in zip(found, each, strict=True):
                wanted = np.stack(ones)
                if many.ndim < wanted.ndim:  # what is one for all of them
                    many = np.broadcast_to(many, wanted.shape)
                scale = np.nanmax(np.abs(wanted), initial=0.0)
                np.testing.assert_allclose(many, wanted, rtol=tolerance, atol=tolerance * scale)
    return len(answered)
