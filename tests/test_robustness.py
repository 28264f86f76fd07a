"""Misuse by a sceptical user: it is named, nothing is silently wrong, threads do not meet."""

import threading

import numpy as np
import pytest
import torch
from rebuilt import differences

import pyjutrack as pj
from pyjutrack.collective import Grid, Mesh, deposit, interpolate
from pyjutrack.kernels import parallel
from pyjutrack.mesh.shapes import BSPLINE


def test_elements_that_differ_are_not_one_knob(proton):
    lattice = pj.Lattice(
        [
            pj.Quadrupole(0.1, k1=5.0, name="q"),
            pj.Drift(1.0, name="d"),
            pj.Quadrupole(0.1, k1=-5.0, name="q"),
            pj.Drift(0.5, name="d"),
        ]
    )
    beam = pj.Beam(proton, torch.zeros(10, 6, dtype=torch.float64))
    with pytest.raises(pj.errors.InvalidValueError, match=r"'q.k1' is not one knob.*-5"):
        pj.gradient(pj.observables.emittance_growth("x"), lattice, beam, wrt=["q.k1"])
    assert lattice.value("q.length") == 0.1


def test_momentum_that_cannot_go_forward_is_lost_where_it_was(proton, cell):
    start = torch.zeros(3, 6, dtype=torch.float64)
    start[0, 1], start[1, 5] = 1.5, -1.5
    end = pj.track(cell, pj.Beam(proton, start))
    assert end.alive.tolist() == [False, False, True]
    assert torch.equal(end.coordinates[:2], start[:2])
    with pytest.raises(pj.errors.ParticleLostError):
        pj.jacobian(cell, proton, at=[0, 2, 0, 0, 0, 0])


def test_a_size_does_not_see_the_spread_of_others(cell, proton):
    beam = pj.distributions.gaussian(
        proton, 500, twiss=pj.twiss(cell, proton), normalized_emittance=(1e-6, 1e-6)
    )
    by_mode = [
        pj.gradient(pj.observables.size("x"), cell, beam, wrt=["d1.length"], mode=mode)
        for mode in ("reverse", "forward", "fd")
    ]
    assert np.isfinite(by_mode).all()
    rebuilt = differences(
        lambda final, initial: pj.observables.size("x")(final), cell, beam, ["d1.length"], 1e-5
    )
    assert by_mode[0] == pytest.approx(by_mode[2], rel=1e-7)
    assert by_mode[0] == pytest.approx(rebuilt, rel=1e-7)
    assert by_mode[1] == pytest.approx(by_mode[0], rel=1e-12)


@pytest.mark.filterwarnings("ignore::pyjutrack.errors.ResolutionWarning")
@pytest.mark.parametrize("mode", ["reverse", "forward", "fd"])
def test_no_survivor_has_no_observable(mode, cell, proton, kick):
    start = torch.zeros(4, 6, dtype=torch.float64)
    start[:, 1] = torch.tensor([0.05, -0.05, 0.06, -0.06])
    beam = pj.Beam(proton, start, 1.0)
    with pytest.raises(pj.errors.ParticleLostError, match="every particle"):
        pj.gradient(pj.observables.size("x"), cell, beam, wrt=["q1.k1"], effects=[kick], mode=mode)


@pytest.mark.parametrize("mode", ["reverse", "forward", "fd"])
def test_a_knob_without_influence_has_slope_zero(mode, cell, proton):
    beam = pj.distributions.gaussian(
        proton, 100, twiss=pj.twiss(cell, proton), normalized_emittance=(1e-6, 1e-6), current=5.0
    )
    found = pj.gradient(
        pj.observables.emittance_growth("x"), cell, beam, wrt=["beam.current"], mode=mode
    )
    assert found.tolist() == [0.0]


def test_finite_differences_of_a_float32_beam_are_taken_in_double(cell, proton, kick):
    beam = pj.distributions.gaussian(
        proton, 5000, twiss=pj.twiss(cell, proton), normalized_emittance=(1e-6, 1e-6), current=200.0
    ).to(torch.float32)
    growth, knobs = pj.observables.emittance_growth("x"), ["beam.current", "q1.k1"]
    single = pj.gradient(growth, cell, beam, wrt=knobs, effects=[kick])
    fd = pj.gradient(growth, cell, beam, wrt=knobs, effects=[kick], mode="fd")
    assert single == pytest.approx(fd, rel=2e-2)
    rebuilt = differences(growth, cell, beam.to(torch.float64), knobs, 1e-5, effects=[kick])
    assert fd == pytest.approx(rebuilt, rel=1e-5)


def test_batches_are_tracked_but_not_differentiated(cell, proton, kick):
    beam = pj.distributions.gaussian(
        proton, 300, twiss=pj.twiss(cell, proton), normalized_emittance=(1e-6, 1e-6), current=50.0
    )
    batch = beam.replace(
        coordinates=torch.stack([beam.coordinates, beam.coordinates * 1.1]), alive=None
    )
    together = pj.track(cell, batch, effects=[kick])
    alone = pj.track(cell, beam, effects=[kick])
    torch.testing.assert_close(together.coordinates[0], alone.coordinates, rtol=1e-11, atol=1e-16)
    with pytest.raises(pj.errors.InvalidValueError, match="batch"):
        pj.jacobian(cell, batch, effects=[kick])
    with pytest.raises(pj.errors.InvalidValueError, match="batch"):
        pj.gradient(
            pj.observables.emittance_growth("x"), cell, batch, wrt=["q1.k1"], effects=[kick]
        )


def test_what_lies_outside_the_box_is_not_deposited():
    mesh = Mesh(Grid((0.02, 0.02), (16, 16)), BSPLINE)
    x = torch.tensor([0.0, 10.0, -0.012, float("nan")], dtype=torch.float64)
    active = torch.ones(4, dtype=torch.bool)
    grid = deposit(mesh, x, torch.zeros_like(x), active, torch.ones_like(x))
    assert float(grid.sum()) == pytest.approx(1.0)
    value, *_ = interpolate(mesh, x, torch.zeros_like(x), active, torch.ones_like(grid))
    assert value.tolist() == pytest.approx([1.0, 0.0, 0.0, 0.0])


def test_a_potential_of_the_wrong_shape_is_named(cell, proton):
    class Cropped:
        mesh = pj.SpectralPoisson().mesh

        def solve(self, fractions):
            return fractions[2:-2, 2:-2]

    beam = pj.distributions.gaussian(
        proton, 100, twiss=pj.twiss(cell, proton), normalized_emittance=(1e-6, 1e-6), current=1.0
    )
    with pytest.raises(pj.errors.InvalidValueError, match=r"Cropped.*\(128, 128\)"):
        pj.track(cell, beam, effects=[pj.SpaceCharge(Cropped())])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: pj.Marker(length=1.0), "thin"),
        (lambda: pj.Marker(length=float("nan")), "thin"),
        (lambda: pj.Multipole(knl="12"), "sequence"),
        (lambda: pj.Multipole(knl=0.5), "sequence"),
        (lambda: pj.Drift((1.0, 2.0)), "must be a number"),
        (lambda: pj.Drift("12"), "must be a number"),
        (lambda: pj.Drift(torch.tensor(float("nan"))), "finite"),
        (lambda: pj.SpaceCharge(max_step={}), "empty"),
        (lambda: pj.SpaceCharge(max_step={"drift": 0.05}), "'Drift'"),
        (lambda: pj.SpaceCharge(perveance_scale=float("nan")), "perveance_scale"),
        (lambda: pj.SpectralPoisson(size=(1, 1, 1)), "sides"),
        (lambda: pj.tunes(np.full((4, 4), np.nan)), "not finite"),
    ],
)
def test_misuse_is_named(make, said):
    with pytest.raises(pj.PyJuTrackError, match=said):
        make()


def test_arrays_make_multipoles():
    from_array = pj.Multipole(knl=np.array([0.0, 1.0]))
    from_tensor = pj.Multipole(knl=torch.tensor([0.0, 1.0]))
    assert from_array.knl == (0.0, 1.0)
    assert [float(k) for k in from_tensor.knl] == [0.0, 1.0]
    pj.SpectralPoisson(shape=(np.int64(16), np.int64(16)))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"turns": 1.5}, "1.5"),
        ({"effects": pj.SpaceCharge()}, "list"),
        ({"at": "abc"}, "abc"),
        ({"method": "fd", "step": 0.0}, "step"),
    ],
)
def test_bad_calls_are_named(options, said, cell, proton):
    beam = pj.Beam(proton, torch.zeros(2, 6, dtype=torch.float64))
    with pytest.raises(pj.errors.InvalidValueError, match=said):
        pj.jacobian(cell, beam, **options)


def test_warnings_point_at_the_caller(cell, proton):
    beam = pj.distributions.gaussian(
        proton, 100, twiss=pj.twiss(cell, proton), normalized_emittance=(1e-9, 1e-9), current=1.0
    )
    with pytest.warns(pj.errors.ResolutionWarning) as seen:
        pj.jacobian(cell, beam, effects=[pj.SpaceCharge()])
    assert {w.filename for w in seen} == {__file__}


def test_threads_do_not_disturb_each_other(cell, proton, kick):
    beam = pj.distributions.gaussian(
        proton,
        20_000,
        twiss=pj.twiss(cell, proton),
        normalized_emittance=(1e-6, 1e-6),
        current=90.0,
    )

    def slope():
        return pj.gradient(
            pj.observables.emittance_growth("x"), cell, beam, wrt=["q1.k1"], effects=[kick]
        )[0]

    expected, before = slope(), torch.get_num_threads()
    found, done = [], threading.Event()

    def other():
        torch.set_num_threads(3)
        while not done.is_set():
            with parallel.cores():
                pass
        found.append(slope())

    thread = threading.Thread(target=other)
    thread.start()
    found += [slope() for _ in range(4)]
    done.set()
    thread.join()
    assert torch.get_num_threads() == before
    assert found == pytest.approx([expected] * 5, rel=1e-10)
