"""A network as a potential: files, domain, derivatives through tracking."""

import json
import struct

import numpy as np
import pytest
import torch
from surrogate_cases import ARCHITECTURES

import pyjutrack as pj
from pyjutrack.surrogate import Surrogate


@pytest.fixture
def cell_beam(make_beam):
    return make_beam(2000)


def kicks(surrogate, **options):
    return [pj.SpaceCharge(surrogate, max_step=0.1, **options)]


def shares(cells=(68, 68), seed=0):
    share = torch.rand(*cells, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return share / share.sum()


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
    kick = kicks(make_surrogate(architecture, outside="ignore"))
    wrt = ["q1.k1", "d2.length", "beam.current"]
    found = {
        mode: pj.gradient(pj.emittance_growth("x"), cell, cell_beam, kicks=kick, wrt=wrt, mode=mode)
        for mode in ("forward", "reverse", "fd")
    }
    assert found["forward"] == pytest.approx(found["reverse"], rel=1e-9)
    # rectifiers have kinks, which differences may step over
    rel = 1e-3 if architecture == "pix2pix" else 1e-5
    assert found["reverse"] == pytest.approx(found["fd"], rel=rel)


def test_gradients_by_weights_through_tracking(make_surrogate, cell, cell_beam):
    surrogate = make_surrogate(outside="ignore")
    name = "down2.weight"

    def growth(weight):
        weights = {**surrogate.network.weights, name: weight}
        network = surrogate.network.replace(weights)
        out = pj.track(cell, cell_beam, kicks=kicks(surrogate.replace(network=network)))
        return pj.emittance(out, "x")

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

    class Replayed:
        """The fields of the first run, in their order, in every later one."""

        max_step, fields, place = 0.1, [], 0

        def check(self, beam):
            Replayed.place = 0

        def admit(self, state):
            return kick.admit(state)

        def field(self, beam, state):
            if Replayed.place == len(Replayed.fields):
                Replayed.fields.append(kick.field(beam, state))
            Replayed.place = Replayed.place % 24 + 1
            return Replayed.fields[Replayed.place - 1]

        def apply(self, state, field, ds):
            return kick.apply(state, field, ds)

    replayed = Replayed()
    pj.track(cell, cell_beam, kicks=[replayed])
    count = len(replayed.fields)

    def growth(k1):
        Replayed.place = 0
        out = pj.track(cell.with_values({"q1.k1": k1}), cell_beam, kicks=[replayed])
        assert len(replayed.fields) == count
        return float(pj.emittance_growth("x")(out, cell_beam))

    fd = (growth(29.6 + 1e-3) - growth(29.6 - 1e-3)) / 2e-3
    gradients = {
        (mode, response): pj.gradient(
            pj.emittance_growth("x"),
            cell,
            cell_beam,
            wrt=["q1.k1"],
            kicks=kicks(surrogate, response=response),
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


# ------------------------------------------------------------------ domain


def moved(beam, factor=1.0, shift=0.0):
    coordinates = beam.coordinates.clone()
    coordinates[:, 0] = coordinates[:, 0] * factor + shift
    return beam.replace(coordinates=coordinates)


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
    with pytest.warns(pj.DomainWarning, match=said):
        make_surrogate().check(beam)
    with pytest.raises(pj.DomainError, match=said):
        make_surrogate(outside="raise").check(beam)
    make_surrogate(outside="ignore").check(beam)


def test_the_guard_sees_principal_axes(make_surrogate, make_beam):
    """A thin beam at 45 degrees has moderate sizes along x and y."""
    coordinates = moved(make_beam(3000), factor=0.05).coordinates.clone()
    x, y = coordinates[:, 0].clone(), coordinates[:, 2].clone()
    coordinates[:, 0], coordinates[:, 2] = (x + y) / 2**0.5, (y - x) / 2**0.5
    beam = make_beam(3000).replace(coordinates=coordinates)
    assert float(beam.coordinate("x").std()) > 3e-4
    with pytest.raises(pj.DomainError, match=r"smallest rms.*ratio of the rms sizes"):
        make_surrogate(outside="raise").check(beam)


def test_few_macroparticles_are_outside(make_surrogate, make_beam):
    make_surrogate(outside="raise").check(make_beam(2000))
    with pytest.warns(pj.DomainWarning, match="500 macroparticles below the 2000"):
        pj.SpaceCharge(make_surrogate()).check(make_beam(500))


def test_the_guard_on_the_way(make_surrogate, make_beam, proton):
    """A beam that leaves the domain while it drifts."""
    beam, drift = make_beam(3000, current=0.0), pj.Lattice([pj.Drift(3.0)])
    with pytest.raises(pj.DomainError, match="largest rms above"):
        pj.track(drift, beam, kicks=kicks(make_surrogate(outside="raise")))
    with pytest.warns(pj.DomainWarning, match="largest rms above") as caught:
        pj.track(drift, beam, kicks=kicks(make_surrogate()))
    # no figures of its own, so that a beam that keeps growing does not warn in ever new words
    assert len({str(w.message) for w in caught}) <= 4
    assert caught[0].filename == __file__


def test_the_guard_of_a_batch_names_each_complaint_once(make_surrogate, make_beam):
    beam = make_beam(2500)
    wide = moved(beam, factor=5.5).coordinates
    batch = beam.replace(
        coordinates=torch.stack([beam.coordinates, wide, wide]), alive=beam.alive.expand(3, -1)
    )
    with pytest.warns(pj.DomainWarning, match="largest rms") as caught:
        make_surrogate().check(batch)
    assert str(caught[0].message).count("largest rms") == 1


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_torch_func_with_the_guard_on(make_surrogate, architecture, cell, cell_beam):
    kick = kicks(make_surrogate(architecture))

    def figure(coordinates):
        out = pj.track(cell, cell_beam.replace(coordinates=coordinates), kicks=kick)
        return out.coordinates.square().sum()

    at = cell_beam.coordinates
    slope = torch.func.grad(figure)(at)
    along = torch.ones_like(at) * 1e-4
    _, pushed = torch.func.jvp(figure, (at,), (along,))
    assert float((slope * along).sum()) == pytest.approx(float(pushed), rel=1e-9)
    by_knob = torch.func.grad(
        lambda k1: pj.emittance(
            pj.track(cell.with_values({"q1.k1": k1}), cell_beam, kicks=kick), "x"
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


def test_the_density_tells_the_figures(make_surrogate, make_beam):
    from pyjutrack.spacecharge import deposit
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


def test_validate(make_surrogate, make_beam):
    """An untrained network is found out; the figures are those of a plain comparison."""
    surrogate, beam = make_surrogate(cells=(128, 128)), make_beam(5000)
    found = surrogate.validate(beam)
    assert found.field_error > 0.5
    assert found.largest > found.field_error
    assert found.warnings == ()
    assert "beam is like those of training" in str(found)
    small = surrogate.validate(moved(beam, factor=0.1))
    assert "smallest rms" in str(small)
    itself = surrogate.validate(beam, against=surrogate)
    assert itself.field_error == 0
    with pytest.raises(pj.InvalidValueError, match="not 'spectral'"):
        surrogate.validate(beam, against="spectral")
    with pytest.raises(pj.InvalidValueError, match="outside of the box"):
        surrogate.validate(beam, against=pj.SpectralPoisson(size=(1e-3, 1e-3)))
    other = surrogate.replace(about={"teacher": "EllipticalPipe()"})
    with pytest.raises(pj.InvalidValueError, match=r"the network learned EllipticalPipe"):
        other.validate(beam)


# ------------------------------------------------------------------ bad input


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(pj.InvalidValueError, match="no file of weights"):
        Surrogate.load(tmp_path / "none.safetensors")
    with pytest.raises(pj.UnknownNameError, match="did you mean 'linear'"):
        Surrogate.load("liner")


def test_a_truncated_file(make_surrogate, tmp_path):
    path = tmp_path / "n.safetensors"
    make_surrogate().save(path)
    whole = path.read_bytes()
    for kept in (0, 4, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:kept])
        with pytest.raises(pj.InvalidValueError, match=r"n\.safetensors"):
            Surrogate.load(path)


def test_a_tampered_file(make_surrogate, tmp_path):
    path = tmp_path / "n.safetensors"
    make_surrogate().save(path)
    whole = bytearray(path.read_bytes())
    whole[-5] ^= 1  # a weight
    path.write_bytes(whole)
    with pytest.raises(pj.InvalidValueError, match="changed after it was written"):
        Surrogate.load(path)
    whole[-5] ^= 1
    place = whole.index(b"0.0003")  # the domain
    whole[place : place + 6] = b"0.0001"
    path.write_bytes(whole)
    with pytest.raises(pj.InvalidValueError, match="changed after it was written"):
        Surrogate.load(path)


def rewritten(path, change):
    """A file of the same format with another description and a digest that fits."""
    from pyjutrack.surrogate import files

    description, weights, _ = files.read(path)
    change(description, weights)
    files.write(path, description, weights)


def test_weights_of_another_architecture(make_surrogate, tmp_path):
    path = tmp_path / "n.safetensors"

    def wider(description, weights):
        weights["down2.weight"] = torch.ones(5, 4, 4, 4)

    def poisoned(description, weights):
        weights["down2.weight"][0, 0, 0, 0] = float("nan")

    def renamed(description, weights):
        weights["down7.weight"] = weights.pop("down2.weight")

    def undescribed(description, weights):
        del description["layers"]

    for change, said in (
        (wider, "does not fit"),
        (poisoned, "'down2.weight' holds NaN"),
        (renamed, "lacks its weight 'down2.weight'"),
        (undescribed, "does not describe a surrogate"),
    ):
        make_surrogate().save(path)
        rewritten(path, change)
        with pytest.raises(pj.InvalidValueError, match=said):
            Surrogate.load(path)


def test_a_file_of_something_else(tmp_path):
    from safetensors.torch import save_file

    path = tmp_path / "n.safetensors"
    save_file({"w": torch.ones(3)}, path)
    with pytest.raises(pj.InvalidValueError, match="no surrogate of this package"):
        Surrogate.load(path)
    path.write_bytes(b"\x80\x04\x95pickle")
    with pytest.raises(pj.InvalidValueError, match="no whole safetensors file"):
        Surrogate.load(path)


def test_no_pickle(make_surrogate, tmp_path):
    """The file is a JSON header and numbers: nothing that could run."""
    path = tmp_path / "n.safetensors"
    make_surrogate().save(path)
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + length])
    stop = max(v["data_offsets"][1] for k, v in header.items() if k != "__metadata__")
    assert len(raw) == 8 + length + stop


def test_another_grid(make_surrogate):
    with pytest.raises(pj.InvalidValueError, match=r"trained on \(64, 64\) cells.*\(132, 132\)"):
        make_surrogate(outside="ignore").solve(torch.zeros(132, 132, dtype=torch.float64))


def test_cells_that_the_steps_do_not_divide(make_surrogate):
    with pytest.raises(pj.InvalidValueError, match="does not fit"):
        make_surrogate("linear", cells=(36, 36))


def test_a_choice_that_does_not_exist(make_surrogate):
    with pytest.raises(pj.UnknownNameError, match="'raise'"):
        make_surrogate(outside="raises")


def test_batches_of_densities(make_surrogate):
    surrogate = make_surrogate()
    stack = torch.stack([shares(seed=s) for s in range(3)])
    assert torch.allclose(
        surrogate.solve(stack)[1], surrogate.replace(outside="ignore").solve(stack[1])
    )
    assert np.isfinite(surrogate.solve(stack).numpy()).all()


def test_a_device_that_is_not_there():
    with pytest.raises(pj.InvalidValueError, match="'cdua' cannot be used"):
        Surrogate.load("linear", device="cdua")
    if not torch.cuda.is_available():
        with pytest.raises(pj.InvalidValueError, match="'cuda' cannot be used"):
            pj.surrogate.train(pj.surrogate.Recipe(steps=1, samples=1), device="cuda")


@pytest.mark.parametrize("source", [None, b"linear", 3])
def test_a_source_that_is_none(source):
    with pytest.raises(pj.InvalidValueError, match="a name or a path"):
        Surrogate.load(source)


@pytest.mark.parametrize("dtype", [torch.float16, torch.complex64, "float32"])
def test_a_precision_that_is_none(dtype):
    with pytest.raises(pj.InvalidValueError, match="float32 or float64"):
        Surrogate.load("linear", dtype=dtype)
