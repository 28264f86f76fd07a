"""What errors say of many settings: at which of them, and what to give instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import pyjutrack as pj
from pyjutrack.cli.paper import fodo

CELL = fodo.cell()
BEAM = fodo.beam(50, seed=1)
PROTON = BEAM.reference
WIDE = pj.Lattice([CELL, pj.Aperture(half_width=0.01, half_height=0.01), pj.Drift(0.1)])
#: the second throws the beam out of the aperture
THROWN = WIDE.with_values({"q1.dx": torch.tensor([0.0, 0.5, 0.0], dtype=torch.float64)})


def size(final: pj.Beam) -> torch.Tensor:
    return pj.moments.sizes(final)[0]


CALLS: dict[str, Callable[..., Any]] = {
    "reverse": lambda: pj.gradient(size, THROWN, BEAM, wrt=["q1.k1"]),
    "forward": lambda: pj.gradient(size, THROWN, BEAM, wrt=["q1.k1"], mode="forward"),
    "differences": lambda: pj.gradient(size, THROWN, BEAM, wrt=["q1.k1"], mode="fd"),
    "jacobian": lambda: pj.jacobian(THROWN, PROTON),
    "jacobian by differences": lambda: pj.jacobian(THROWN, PROTON, method="fd"),
    "slopes of it": lambda: pj.jacobian_derivatives(THROWN, PROTON, ["q1.k1"]),
}


@pytest.mark.parametrize("call", CALLS)
def test_the_setting_that_loses_all_is_named(call: str) -> None:
    with pytest.raises(pj.errors.ParticleLostError, match=r"^setting \(1,\) of \(3,\): "):
        CALLS[call]()


def test_of_more_dimensions() -> None:
    k1 = torch.tensor([[29.0, 30.0, 29.5], [29.0, 29.0, 400.0]], dtype=torch.float64)
    with pytest.raises(pj.errors.UnstableError, match=r"^setting \(1, 2\) of \(2, 3\): motion in"):
        pj.twiss(CELL.with_values({"q1.k1": k1}), PROTON)


@pytest.mark.parametrize("values", [[28.0, 29.0], (28.0, 29.0), np.array([28.0, 29.0])])
def test_lists_are_told_to_be_tensors(values: Any) -> None:
    line = pj.Lattice(CELL, variables={"k": 29.6}, expressions={"q1.k1": "k"})
    for knob in ("q1.k1", "k"):
        with pytest.raises(pj.errors.InvalidValueError, match=r"torch\.as_tensor\(values\)"):
            line.with_values({knob: values})
    tensor = torch.as_tensor(values)  # as it says
    assert pj.jacobian(line.with_values(k=tensor), PROTON).shape == (2, 6, 6)


def test_functions_of_many_settings_where_one_is_needed() -> None:
    cells = CELL.with_values({"q1.k1": torch.tensor([29.0, 29.5], dtype=torch.float64)})
    many = pj.twiss(cells, PROTON)
    emittance = {"normalized_emittance": (1e-6, 1e-6)}
    wanted = r"functions of \(2,\) settings.*one after another"
    with pytest.raises(pj.errors.ManySettingsError, match=f"^twiss holds {wanted}"):
        pj.distributions.gaussian(PROTON, 10, twiss=many, **emittance)
    for lattice in (CELL, cells):
        with pytest.raises(pj.errors.ManySettingsError, match=f"initial holds {wanted}"):
            pj.twiss_table(lattice, PROTON, initial=many)


def test_a_beam_of_many_says_how_many() -> None:
    end = pj.track(THROWN, BEAM)
    assert end.lost == 50
    assert repr(end).startswith("Beam(3 x 50 macroparticles, 50 lost; ")


def test_beams_that_do_not_go_with_the_settings() -> None:
    """A beam each needs as many beams as there are settings, or dimensions that broadcast."""
    rows = torch.stack([BEAM.coordinates, 1.1 * BEAM.coordinates])
    beams = BEAM.replace(coordinates=rows, alive=BEAM.alive.expand(2, -1))
    twin = pj.Twin(THROWN, beams, (pj.diagnostics.BeamSize("q2"),))
    one = pj.Twin(CELL, beams, twin.diagnostics)
    calls = (
        lambda: pj.track(THROWN, beams),
        lambda: twin.predict(),
        lambda: one.predict({"q2.k1": [1.0, 1.1, 1.2]}),
    )
    for call in calls:
        with pytest.raises(pj.errors.InvalidValueError, match=r"\(3,\) do not go with .*\(2,\)"):
            call()


def test_tables_of_many_are_shown_and_are_no_frames() -> None:
    cells = CELL.with_values({"d2.length": torch.tensor([0.3, 0.5], dtype=torch.float64)})
    table = pj.twiss_table(cells, PROTON)
    low, high = sorted(table.tune_x)
    assert repr(table).startswith(
        f"TwissTable(6 places, 0.9 to 1.1 m; tunes {low:.6g} to {high:.6g}"
    )
    for write in (table.csv, table.pandas):
        with pytest.raises(
            pj.errors.ManySettingsError, match=r"there are \(2,\).*one after another"
        ):
            write()
    k1 = CELL.with_values({"q1.k1": torch.tensor([29.0, 29.5], dtype=torch.float64)})
    assert "TwissTable(6 places, 1 m; tunes " in repr(pj.twiss_table(k1, PROTON))
    assert repr(pj.twiss_table(CELL, PROTON)).startswith("TwissTable(6 places, 1 m; tunes 0.")
