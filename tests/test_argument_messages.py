"""Arguments that users pass by mistake, and the remedy in the message."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import torch
from public_inputs import BEAM, CELL, ELECTRON, KICK, OPTICS, PROTON, STORAGE_RING, TURN

import pyjutrack as pj
from pyjutrack.surrogate import Bunches

Q1 = ["q1.k1"]
GROWTH = pj.observables.emittance_growth("x")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pj.track([pj.Drift(1.0)], BEAM), r"must be a Lattice.*wrap it: pj\.Lattice"),
        (lambda: pj.track(BEAM, CELL), "are the arguments swapped"),
        (lambda: pj.track(CELL, PROTON), "beam must be a Beam"),
        (lambda: pj.track(CELL, BEAM, effects=KICK), r"effects must be a list.*effects=\[effect\]"),
        (lambda: pj.track(CELL, BEAM, effects=[pj.SpaceCharge]), r"call the class.*SpaceCharge\("),
        (lambda: pj.Twin(CELL, BEAM, (), (pj.SpaceCharge,)), r"call the class.*SpaceCharge\("),
        (lambda: pj.gradient(GROWTH, CELL, BEAM, wrt="q1.k1"), r"\['q1\.k1'\]"),
        (lambda: pj.gradient(GROWTH, CELL, BEAM, wrt=math.nan), "wrt must be"),
        (lambda: pj.gradient(pj.observables.size, CELL, BEAM, wrt=Q1), "call it first"),
        (lambda: pj.gradient(lambda final: final, CELL, BEAM, wrt=Q1), "return a 0-d tensor"),
        (lambda: pj.SpaceCharge(max_step=torch.tensor(0.1)), "max_step must be a plain number"),
        (lambda: pj.track(CELL, BEAM.replace(current=0, charge=1e11)), "charges are 1.6e-8 C"),
        (lambda: pj.track(CELL, BEAM.replace(current=0, charge=1.0)), "it is in coulombs"),
        (lambda: pj.collective.BeamBeam2D("ip", 1.0, 1e-3, 1e-3), "must be coulombs"),
        (lambda: pj.collective.BeamBeam2D("ip", 1e11, 1e-3, 1e-3), "must be coulombs"),
        (lambda: pj.Beam(PROTON, np.ones((3, 6)) * 1j), "array of real numbers"),
        (lambda: pj.Beam.from_array(PROTON, [[0j] * 6]), "array of real numbers"),
        (lambda: pj.jacobian(CELL, PROTON, at=torch.zeros(6).requires_grad_()), r"at\.detach"),
        (lambda: pj.twiss([], PROTON), "lattice must be a Lattice"),
        (lambda: pj.twiss(CELL, BEAM), r"reference must be a Reference.*pass its \.reference"),
        (lambda: pj.twiss(CELL, PROTON, delta=(1e-3,)), "delta must be a finite number"),
        (lambda: pj.tunes(CELL), r"tunes\(one_turn_matrix\(lattice, reference\)\)"),
        (lambda: pj.tunes(TURN * math.nan), "not finite"),
        (lambda: pj.optics.synchrobetatron_tunes(np.full((6, 6), math.nan)), "not finite"),
        (lambda: pj.moments.sizes(None), "beam must be a Beam"),
        (lambda: pj.Drift(1.0, name=math.nan), "name must be a string"),
        (lambda: pj.Species(math.nan, 1e9, 1.0), "name of a species must be a string"),
        (lambda: pj.RFCavity(accelerate=math.nan), "accelerate.*True or False"),
        (lambda: pj.optics.Twiss(1.0, math.nan, 1.0, 0.0), "alpha_x of a Twiss"),
        (lambda: pj.Drift(True), "length must be a number"),
        (lambda: pj.SpaceCharge(OPTICS), "potential must be a solver"),
        (lambda: pj.track(CELL, BEAM, turns=0), "turns must be a whole number of 1"),
        (lambda: CELL[7:], "no lattice is empty"),
        (lambda: CELL.with_values(None), "values must be a dictionary"),
        (lambda: CELL.value(["q1.k1"]), "address of a knob must be a string"),
        (lambda: pj.Lattice([pj.Drift(1.0)], variables=0), "variables must be a dictionary"),
        (
            lambda: pj.optics.equilibrium(STORAGE_RING, ELECTRON, order=1.5),
            "order must be a whole number",
        ),
        (lambda: Bunches((2e-3, 1e-3), 0.0, (5, 9)), r"<= largest.*give \(0\.001, 0\.002\)"),
        (lambda: Bunches((1e-3, 2e-3), 0.0, (5.0, 9.0)), "entry of particles must be a whole"),
        (lambda: pj.surrogate.WakeRecipe(reference=1e9), "reference must be a Reference"),
        (lambda: pj.Beam(PROTON, np.ones((2, 6)), weights=np.ones(2) * 1j), "weights must be real"),
    ],
)  # fmt: skip
def test_messages_name_the_remedy(call, message) -> None:
    with pytest.raises(pj.errors.InvalidValueError, match=message):
        call()


@pytest.mark.parametrize("dtype", [torch.complex128, torch.float16, torch.bfloat16])
def test_coordinates_are_real_and_precise(dtype: torch.dtype) -> None:
    with pytest.raises(pj.errors.InvalidValueError, match="double or single precision"):
        pj.Beam(PROTON, torch.zeros(4, 6, dtype=dtype))


def test_whole_numbers_of_numpy_count_turns() -> None:
    twice = pj.track(CELL, BEAM, turns=np.int64(2))
    again = pj.track(CELL, pj.track(CELL, BEAM))
    np.testing.assert_allclose(twice.numpy(), again.numpy(), rtol=1e-12, atol=1e-18)


def test_a_slice_of_a_lattice_is_one() -> None:
    part = CELL[1:3]
    assert isinstance(part, pj.Lattice)
    assert [e.name for e in part] == ["q1", "d2"]
    with pytest.raises(pj.errors.UnknownNameError, match="from 0 to 5"):
        CELL[6]


def test_a_table_has_columns_by_name() -> None:
    table = pj.twiss_table(CELL, PROTON)
    assert table["beta_x"] is table.beta_x
    assert table["tune_x"] == table.tune_x
    assert table["q1"] == table[1]
    both = pj.twiss_table(pj.Lattice([pj.Marker(name="s"), *CELL]), PROTON)
    with pytest.raises(pj.errors.InvalidValueError, match=r"table\.s, or table\[table\.index"):
        both["s"]
    assert both[both.index("s")].beta_x == both.beta_x[0]


def test_a_loss_map_is_shown_in_a_line() -> None:
    narrow = pj.Lattice([*CELL, pj.Aperture(half_width=1e-3, half_height=1.0, name="slit")])
    losses = pj.loss_map(narrow, BEAM)
    assert losses.counts.sum() > 0
    assert len(repr(losses)) < 200
    assert "Aperture 'slit'" in repr(losses)


def test_a_parameter_of_torch_gives_no_warning() -> None:
    k1 = torch.nn.Parameter(torch.tensor(29.6, dtype=torch.float64))
    knobbed = pj.Lattice([pj.Quadrupole(0.1, k1=k1), pj.Drift(1.0)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # of PyTorch's own, when it is first loaded
        warnings.filterwarnings("ignore", "`torch.jit.script` is", DeprecationWarning)
        found = pj.jacobian(knobbed, PROTON)
    plain = pj.jacobian(pj.Lattice([pj.Quadrupole(0.1, k1=29.6), pj.Drift(1.0)]), PROTON)
    np.testing.assert_allclose(found, plain, rtol=1e-14)


@pytest.mark.parametrize("plane", ["x", "y"])
def test_differences_stay_where_an_emittance_is_positive(plane: str) -> None:
    """A linear map keeps the emittance: the slope is one, and far below the step is the value."""
    slope = pj.gradient(
        pj.observables.emittance(plane, normalized=False),
        CELL.with_values({"d1.length": 0.2}),
        BEAM,
        wrt=[f"beam.emittance_{plane}"],
        mode="fd",
    )
    np.testing.assert_allclose(slope, [1.0], rtol=1e-3)  # drifts are exact, and hardly linear


def test_differences_at_the_lowest_value_are_one_sided() -> None:
    solver = pj.SpectralPoisson((0.02, 0.02), (64, 64))

    def size(scale: float) -> float:
        kick = pj.SpaceCharge(solver, max_step=0.5, perveance_scale=scale)
        return float(
            pj.moments.sizes(pj.track(CELL, BEAM.replace(current=50.0), effects=[kick]))[1]
        )

    off = pj.SpaceCharge(solver, max_step=0.5, perveance_scale=0.0)
    slope = pj.gradient(
        pj.observables.size("px"), CELL, BEAM.replace(current=50.0), effects=[off],
        wrt=["effects[0].perveance_scale"], mode="fd", step=1e-3,
    )  # fmt: skip
    expected = (4 * size(1e-3) - size(2e-3) - 3 * size(0.0)) / 2e-3
    np.testing.assert_allclose(slope, [expected], rtol=1e-9)


def test_particles_that_move_backwards_are_in_no_file(tmp_path) -> None:
    coordinates = np.zeros((3, 6))
    coordinates[1, 1] = 1.5  # of the whole momentum
    beam = pj.Beam(PROTON, coordinates, alive=torch.ones(3, dtype=torch.bool))
    with pytest.raises(pj.errors.InvalidValueError, match="the first is number 1"):
        pj.write_beam(tmp_path / "b.h5", beam)


def test_particles_that_move_backwards_are_not_read(tmp_path) -> None:
    h5py = pytest.importorskip("h5py")
    coordinates = np.zeros((3, 6))
    coordinates[:, 5] = [0.0, 1e-3, 2e-3]
    pj.write_beam(tmp_path / "b.h5", pj.Beam(PROTON, coordinates))
    with h5py.File(tmp_path / "b.h5", "r+") as file:
        group = []
        file.visititems(lambda n, i: group.append(i) if n.endswith("momentum/z") else None)
        values = group[0][...]
        values[2] *= -1
        group[0][...] = values
        records: list = []
        file.visititems(lambda n, i: records.append(i))
        for place in (file, *records):  # as a file of others, without our digest
            for name in [n for n in place.attrs if n.startswith("pyjutrack_")]:
                del place.attrs[name]
    with pytest.raises(
        pj.errors.LatticeFileError, match="1 of 3 particles alive do not move forward"
    ):
        pj.read_beam(tmp_path / "b.h5")


def test_a_negative_signal_has_its_own_remedy() -> None:
    axis = np.linspace(-5e-3, 5e-3, 50)
    profiles = pj.diagnostics.Profiles(-np.exp(-0.5 * (axis / 1e-3) ** 2)[None], (axis,))
    wire = pj.diagnostics.WireScanner("end", width=8e-3, bins=8)
    for call in (profiles.sizes, lambda: profiles.rebin(wire)):
        with pytest.raises(pj.errors.MeasurementError, match="change its sign"):
            call()
