"""A network as a potential: its map, and derivatives through tracking."""

import pytest
import torch
from rebuilt import differences
from surrogate_cases import ARCHITECTURES, effects, shares

import pyjutrack as pj
from pyjutrack.surrogate import Surrogate


@pytest.fixture
def cell_beam(make_beam):
    return make_beam(2000)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_potential_is_proportional_to_what_is_alive(make_surrogate, architecture):
    surrogate = make_surrogate(architecture, outside="ignore")
    whole = surrogate.solve(shares())
    assert torch.allclose(surrogate.solve(0.7 * shares()), 0.7 * whole)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_save_and_load_give_the_same_map(make_surrogate, architecture, tmp_path):
    surrogate = make_surrogate(architecture, outside="ignore", about={"why": "a test"})
    mark = surrogate.save(tmp_path / "n.safetensors")
    again = Surrogate.load(tmp_path / "n.safetensors", outside="ignore")
    single = surrogate.to(torch.float32).to(torch.float64)
    assert torch.equal(again.solve(shares()), single.solve(shares()))
    assert again.domain == surrogate.domain
    assert again.mesh == surrogate.mesh
    assert again.about == {"why": "a test", "digest": mark}
    assert [p.name for p in tmp_path.iterdir()] == ["n.safetensors"]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_precision(make_surrogate, architecture):
    surrogate = make_surrogate(architecture, outside="ignore")
    double, single = surrogate.solve(shares()), surrogate.to(torch.float32).solve(shares())
    assert single.dtype == torch.float32
    assert torch.allclose(double.float(), single, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_gradients_through_tracking(make_surrogate, architecture, cell, cell_beam):
    """Both modes and differences, by lattice and by current."""
    kick = effects(make_surrogate(architecture, outside="ignore"))
    wrt, growth = ["q1.k1", "d2.length", "beam.current"], pj.observables.emittance_growth("x")
    found = {
        mode: pj.gradient(growth, cell, cell_beam, effects=kick, wrt=wrt, mode=mode)
        for mode in ("forward", "reverse", "fd")
    }
    rebuilt = differences(growth, cell, cell_beam, wrt, 1e-6, effects=kick)
    assert found["forward"] == pytest.approx(found["reverse"], rel=1e-9)
    # rectifiers have kinks, which differences may step over
    rel = 1e-3 if architecture == "pix2pix" else 1e-5
    assert found["reverse"] == pytest.approx(found["fd"], rel=rel)
    assert found["reverse"] == pytest.approx(rebuilt, rel=rel)


def test_gradients_by_weights_through_tracking(make_surrogate, cell, cell_beam):
    surrogate = make_surrogate(outside="ignore")
    name = "down2.weight"

    def growth(weight):
        weights = {**surrogate.network.weights, name: weight}
        network = surrogate.network.replace(weights)
        out = pj.track(cell, cell_beam, effects=effects(surrogate.replace(network=network)))
        return pj.moments.emittance(out, "x")

    weight = surrogate.network.weights[name]
    leaf = weight.clone().requires_grad_()
    (slope,) = torch.autograd.grad(growth(leaf), leaf)
    step = torch.zeros_like(weight)
    step[2, 1, 1, 2] = 1e-4
    fd = float(growth(weight + step) - growth(weight - step)) / 2e-4
    assert float(slope[2, 1, 1, 2]) == pytest.approx(fd, rel=1e-5)


def test_the_response_of_the_field_can_be_left_out(make_surrogate, cell, cell_beam):
    """The first term of the paper's Eq. 2, against differences with the fields of one run."""
    surrogate = make_surrogate(outside="ignore")
    kick = pj.SpaceCharge(surrogate, max_step=0.1)

    class Replayed(pj.CollectiveEffect):
        """The fields of the first run, in their order, in every later one."""

        max_step, fields, place = 0.1, [], 0

        def check(self, beam):
            Replayed.place = 0

        def admit(self, state):
            return kick.admit(state)

        def field(self, beam, state, place, memory):
            if Replayed.place == len(Replayed.fields):
                Replayed.fields.append(kick.field(beam, state, place))
            Replayed.place = Replayed.place % 24 + 1
            return Replayed.fields[Replayed.place - 1]

        def apply(self, state, field, place):
            return kick.apply(state, field, place)

    replayed = Replayed()
    pj.track(cell, cell_beam, effects=[replayed])
    count = len(replayed.fields)

    def growth(k1):
        Replayed.place = 0
        out = pj.track(cell.with_values({"q1.k1": k1}), cell_beam, effects=[replayed])
        assert len(replayed.fields) == count
        return float(pj.observables.emittance_growth("x")(final=out, initial=cell_beam))

    fd = (growth(29.6 + 1e-3) - growth(29.6 - 1e-3)) / 2e-3
    gradients = {
        (mode, response): pj.gradient(
            pj.observables.emittance_growth("x"),
            cell,
            cell_beam,
            wrt=["q1.k1"],
            effects=effects(surrogate, response=response),
            mode=mode,
        )[0]
        for mode in ("forward", "reverse")
        for response in (True, False)
    }
    assert gradients["forward", False] == pytest.approx(fd, rel=1e-5)
    assert gradients["reverse", False] == pytest.approx(fd, rel=1e-5)
    assert abs(gradients["forward", True] / fd - 1) > 1e-3


def test_the_potential_of_a_beam_near_a_wall_is_continued(make_surrogate):
    """The network's output on ghosts is minus that of their mirror cells."""
    h = make_surrogate(outside="ignore").solve(shares())
    assert torch.equal(h[1], -h[2])
    assert torch.equal(h[:, -1], -h[:, -4])
