"""Many values of a parameter: refused as a tensor by themselves, tracked at once by `vmap`."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from element_cases import PROTON

import pyjutrack as pj

VALUES = torch.tensor([0.9, 1.1, 1.4], dtype=torch.float64)
LINE = pj.Lattice([pj.Quadrupole(0.3, 1.0, name="q"), pj.Drift(0.7), pj.Sextupole(0.1, 4.0)])


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: pj.Quadrupole(0.3, VALUES, name="q"), "Quadrupole 'q': k1"),
        (lambda: pj.Drift(VALUES), "Drift '': length"),
        (lambda: LINE.with_values({"q.k1": VALUES}), "Quadrupole 'q': k1"),
        (lambda: pj.Multipole((0.0, VALUES)), "Multipole '': knl"),
    ],
)
def test_a_tensor_of_values_is_refused_by_name(make, named) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(pj.errors.InvalidValueError, match=rf"{named} must be .*shape \(3,\).*vmap"):
        make()


def test_vmap_tracks_them_all() -> None:
    """To rounding as one by one, values and slopes."""
    beam = pj.Beam(PROTON, np.random.default_rng(1).normal(size=(20, 6)) * 1e-3)

    def end(k1: torch.Tensor) -> torch.Tensor:
        return pj.track(LINE.with_values({"q.k1": k1}), beam).coordinates

    leaf = VALUES.clone().requires_grad_()
    together = torch.func.vmap(end)(leaf)
    assert together.shape == (3, 20, 6)
    (slopes,) = torch.autograd.grad(together.square().sum(), leaf)
    for value, coordinates, slope in zip(VALUES, together, slopes, strict=True):
        one = value.clone().requires_grad_()
        alone = end(one)
        torch.testing.assert_close(coordinates, alone, rtol=1e-13, atol=1e-17)
        torch.testing.assert_close(
            slope, torch.autograd.grad(alone.square().sum(), one)[0], rtol=1e-11, atol=0
        )
