"""The same numbers on a GPU; skipped where there is none."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import pyjutrack as pj

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")


def test_tracking_with_space_charge(cell, kick, make_beam) -> None:
    beam = make_beam(20_000)
    here = pj.track(cell, beam, effects=[kick], turns=2)
    there = pj.track(cell, beam.to("cuda"), effects=[kick], turns=2)
    assert there.coordinates.device.type == "cuda"
    np.testing.assert_allclose(there.numpy(), here.numpy(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("adjoint", ["store", "checkpoint", "reversible"])
def test_gradients(cell, kick, make_beam, adjoint) -> None:
    beam, wrt = make_beam(5_000), ["d1.length", "q1.k1", "beam.current"]
    figure, options = pj.observables.emittance_growth("x"), {"effects": [kick], "wrt": wrt}
    here = pj.gradient(figure, cell, beam, **options)
    there = pj.gradient(figure, cell, beam.to("cuda"), adjoint=adjoint, **options)
    np.testing.assert_allclose(there, here, rtol=1e-9)


def test_deterministic(cell, kick, make_beam) -> None:
    """Sums on a GPU come in any order, unless PyTorch is asked for one."""
    beam = make_beam(20_000).to("cuda")
    torch.use_deterministic_algorithms(True)
    try:
        first, second = (pj.track(cell, beam, effects=[kick]).coordinates for _ in range(2))
    finally:
        torch.use_deterministic_algorithms(False)
    assert torch.equal(first, second)
