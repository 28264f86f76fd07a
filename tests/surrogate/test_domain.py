"""The guard of the domain, and validation."""

import numpy as np
import pytest
import torch
from surrogate_cases import ARCHITECTURES, effects, moved, shares

import pyjutrack as pj
from pyjutrack.surrogate.validation import stated_series


@pytest.fixture
def cell_beam(make_beam):
    return make_beam(2000)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"factor": 0.1}, r"smallest rms of 6\.\d+e-05 m below the 0\.0003 m"),
        ({"factor": 5.5}, r"largest rms of 0\.003\d+ m above the 0\.003 m"),
        ({"factor": 0.7}, None),
        ({"shift": 3.5e-3}, r"offset in x of 0\.0035 m above the 0\.003 m"),
        ({"shift": 1e-3}, None),
        ({"factor": 4.0, "shift": 2.5e-3}, "centre and three rms in x"),
    ],
)
def test_the_guard_at_the_start(make_surrogate, make_beam, change, said):
    beam = moved(make_beam(3000), **change)
    if said is None:
        make_surrogate(outside="raise").check(beam)
        return
    with pytest.warns(pj.errors.DomainWarning, match=said):
        make_surrogate().check(beam)
    with pytest.raises(pj.errors.DomainError, match=said):
        make_surrogate(outside="raise").check(beam)
    make_surrogate(outside="ignore").check(beam)


def test_the_guard_sees_principal_axes(make_surrogate, make_beam):
    """A thin beam at 45 degrees has moderate sizes along x and y."""
    coordinates = moved(make_beam(3000), factor=0.05).coordinates.clone()
    x, y = coordinates[:, 0].clone(), coordinates[:, 2].clone()
    coordinates[:, 0], coordinates[:, 2] = (x + y) / 2**0.5, (y - x) / 2**0.5
    beam = make_beam(3000).replace(coordinates=coordinates)
    assert float(beam.coordinate("x").std()) > 3e-4
    with pytest.raises(pj.errors.DomainError, match=r"smallest rms.*ratio of the rms sizes"):
        make_surrogate(outside="raise").check(beam)


def test_few_macroparticles_are_outside(make_surrogate, make_beam):
    make_surrogate(outside="raise").check(make_beam(2000))
    with pytest.warns(pj.errors.DomainWarning, match="500 macroparticles below the 2000"):
        pj.SpaceCharge(make_surrogate()).check(make_beam(500))


def test_the_guard_on_the_way(make_surrogate, make_beam, proton):
    """A beam that leaves the domain while it drifts."""
    beam, drift = make_beam(3000, current=0.0), pj.Lattice([pj.Drift(3.0)])
    with pytest.raises(pj.errors.DomainError, match="largest rms above"):
        pj.track(drift, beam, effects=effects(make_surrogate(outside="raise")))
    with pytest.warns(pj.errors.DomainWarning, match="largest rms above") as caught:
        pj.track(drift, beam, effects=effects(make_surrogate()))
    # no figures of its own, so that a beam that keeps growing does not warn in ever new words
    assert len({str(w.message) for w in caught}) <= 4
    assert caught[0].filename == __file__


def test_the_guard_of_a_batch_names_each_complaint_once(make_surrogate, make_beam):
    beam = make_beam(2500)
    wide = moved(beam, factor=5.5).coordinates
    batch = beam.replace(
        coordinates=torch.stack([beam.coordinates, wide, wide]), alive=beam.alive.expand(3, -1)
    )
    with pytest.warns(pj.errors.DomainWarning, match="largest rms") as caught:
        make_surrogate().check(batch)
    assert str(caught[0].message).count("largest rms") == 1


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_torch_func_with_the_guard_on(make_surrogate, architecture, cell, cell_beam):
    kick = effects(make_surrogate(architecture))

    def figure(coordinates):
        out = pj.track(cell, cell_beam.replace(coordinates=coordinates), effects=kick)
        return out.coordinates.square().sum()

    at = cell_beam.coordinates
    slope = torch.func.grad(figure)(at)
    along = torch.ones_like(at) * 1e-4
    _, pushed = torch.func.jvp(figure, (at,), (along,))
    assert float((slope * along).sum()) == pytest.approx(float(pushed), rel=1e-9)
    by_knob = torch.func.grad(
        lambda k1: pj.moments.emittance(
            pj.track(cell.with_values({"q1.k1": k1}), cell_beam, effects=kick), "x"
        )
    )(torch.tensor(29.6, dtype=torch.float64))
    assert torch.isfinite(by_knob)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_beam_of_which_nothing_is_left(make_surrogate, architecture, make_beam):
    surrogate = make_surrogate(architecture)
    nothing = torch.zeros(surrogate.mesh.grid.padded_shape, dtype=torch.float64)
    assert torch.equal(surrogate.solve(nothing).abs(), nothing)
    beam = make_beam(2000)
    surrogate.check(beam.replace(alive=torch.zeros_like(beam.alive)))


def test_figures_of_the_density_are_those_of_the_beam(make_surrogate, make_beam):
    from pyjutrack.collective import deposit
    from pyjutrack.surrogate.domain import Figures

    beam = moved(make_beam(20_000), shift=1e-3)
    coordinates = beam.coordinates.clone()
    coordinates[:, 2] += 0.8 * coordinates[:, 0]
    x, y = coordinates[:, 0].contiguous(), coordinates[:, 2].contiguous()
    mesh = make_surrogate(cells=(128, 128)).mesh
    density = deposit(mesh, x, y, beam.alive, torch.full_like(x, 5e-5)).numpy()
    found, exact = Figures.of_density(mesh, density), Figures.of_particles(x, y)
    covariance = np.linalg.eigvalsh(np.cov(x, y, ddof=0))
    assert exact.size == pytest.approx(np.sqrt(covariance), rel=1e-9)
    assert found.size == pytest.approx(exact.size, rel=1e-3)
    assert found.centre == pytest.approx(exact.centre, abs=1e-7)
    assert found.reach == pytest.approx(exact.reach, rel=1e-3)


def test_pickle_and_copy(make_surrogate):
    import copy
    import pickle

    surrogate = make_surrogate(outside="ignore")
    for again in (pickle.loads(pickle.dumps(surrogate)), copy.deepcopy(surrogate)):
        assert again.mesh == surrogate.mesh
        assert torch.equal(again.solve(shares()), surrogate.solve(shares()))
    assert len(repr(surrogate)) < 500


def test_a_network_whose_card_states_a_large_error_warns(make_surrogate, make_beam, cell, tmp_path):
    """Held-out error 16 %: when it is loaded, used in any potential, and held against a solver."""
    poor = make_surrogate(
        outside="ignore", about={"held_out": {"mean": 0.16}, "teacher": "SpectralPoisson()"}
    )
    beam, path = make_beam(500), tmp_path / "poor.safetensors"
    poor.save(path)
    stated = r"states a mean error of the field of 16% on held-out beams, more than 3%"
    with pytest.warns(pj.errors.AccuracyWarning, match=stated):
        again = pj.Surrogate.load(path, outside="ignore")
    for potential in (again, pj.surrogate.ResidualNetwork.small(again, channels=(3, 4))):
        with pytest.warns(pj.errors.AccuracyWarning, match=stated):
            pj.track(cell, beam, effects=[pj.SpaceCharge(potential, max_step=0.5)])
    assert "own card states" in str(again.validate(beam))
    model = pj.Twin(cell, beam, (pj.diagnostics.BeamSize("d3"),), effects(again))
    with pytest.warns(pj.errors.AccuracyWarning, match=stated):
        model.predict({})


@pytest.mark.parametrize("held_out", [{"mean": 0.029}, {}, None, {"mean": "good"}])
def test_a_network_whose_card_states_no_large_error_is_silent(make_surrogate, make_beam, held_out):
    make_surrogate(outside="ignore", about={"held_out": held_out}).check(make_beam(500))


@pytest.mark.parametrize("name", ["linear", "pix2pix", "variational"])
def test_what_ships_loads_in_silence(name):
    assert pj.Surrogate.load(name).about["held_out"]["mean"] < 0.01


def test_validate(make_surrogate, make_beam):
    """An untrained network is found out; the figures are those of a plain comparison."""
    taught = {"teacher": "SpectralPoisson()"}
    surrogate, beam = make_surrogate(cells=(128, 128), about=taught), make_beam(5000)
    found = surrogate.validate(beam)
    assert found.field_error > 0.5
    assert found.largest > found.field_error
    assert found.warnings == ()
    assert "within the limits of training, and the network is poor there" in str(found)
    small = surrogate.validate(moved(beam, factor=0.1))
    assert "smallest rms" in str(small)
    itself = surrogate.validate(beam, against=surrogate)
    assert itself.field_error == 0
    with pytest.raises(pj.errors.InvalidValueError, match="not 'spectral'"):
        surrogate.validate(beam, against="spectral")
    with pytest.raises(pj.errors.InvalidValueError, match="outside of the box"):
        surrogate.validate(beam, against=pj.SpectralPoisson(size=(1e-3, 1e-3)))
    other = surrogate.replace(about={"teacher": "EllipticalPipe()"})
    with pytest.raises(pj.errors.InvalidValueError, match=r"the network learned EllipticalPipe"):
        other.validate(beam)


def test_validate_takes_the_solver_of_the_card(make_beam):
    """With modes and damping as stated; where neither is, the default one."""
    beam, linear = make_beam(2000), pj.Surrogate.load("linear", outside="ignore")
    learned = pj.SpectralPoisson(modes=(64, 64), damping=0.0)
    assert linear.validate(beam) == linear.validate(beam, against=learned)
    assert linear.validate(beam) != linear.validate(beam, against=pj.SpectralPoisson())
    for teacher in (pj.SpectralPoisson(), pj.SpectralPoisson(modes=(20, 30), damping=1e-7)):
        assert stated_series(repr(teacher)) == (teacher.modes, teacher.damping)
    assert stated_series("SpectralPoisson") == (None, None)
