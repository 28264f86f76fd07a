"""Training: it learns, it is reproducible, and it goes on after a kill."""

import json
from pathlib import Path

import pytest
import torch

import pyjutrack as pj
from pyjutrack.cli import main
from pyjutrack.collective import SpectralPoisson
from pyjutrack.surrogate import Recipe
from pyjutrack.surrogate.training import fit
from pyjutrack.surrogate.training.field_error import relative_error, slopes
from pyjutrack.surrogate.training.samples import Samples

SMALL = {"channels": (4, 8), "shape": (32, 32), "samples": 24, "batch": 4}


def test_a_checkpoint_is_written_after_a_while_too(tmp_path, monkeypatch):
    """By the clock, so that a kill loses a minute of slow steps and no more."""
    monkeypatch.setattr(fit, "SAVE_SECONDS", 0.0)
    path, found = tmp_path / "run.checkpoint", []
    recipe = Recipe(**SMALL, steps=6)
    whole = pj.surrogate.train(recipe)

    def watch(step, loss, error):
        found.append(path.exists())
        if step == 4:
            raise Killed

    with pytest.raises(Killed):
        pj.surrogate.train(recipe, checkpoint=path, report=watch)
    assert found == [True] * 4
    steps = []
    resumed = pj.surrogate.train(
        recipe, checkpoint=path, report=lambda step, loss, error: steps.append(step)
    )
    assert steps == [5, 6]
    for name, weight in whole.network.weights.items():
        assert torch.allclose(weight, resumed.network.weights[name], rtol=1e-5, atol=1e-7)


class Killed(Exception):
    pass


def test_it_learns():
    errors = []
    recipe = Recipe(**{**SMALL, "channels": (8, 16, 16), "samples": 200}, steps=300)
    surrogate = pj.surrogate.train(recipe, report=lambda step, loss, error: errors.append(error))
    assert errors[-1] < 0.15
    assert surrogate.network.linear
    assert surrogate.domain.size[0] < 5e-4
    assert surrogate.domain.particles >= 2000


def test_the_same_recipe_gives_the_same_network():
    a, b = (pj.surrogate.train(Recipe(**SMALL, steps=5)) for _ in range(2))
    for name, weight in a.network.weights.items():
        assert torch.equal(weight, b.network.weights[name])
    other = pj.surrogate.train(Recipe(**SMALL, steps=5, seed=3))
    assert not torch.equal(other.network.weights["down1.weight"], a.network.weights["down1.weight"])


@pytest.mark.parametrize("architecture", ["linear", "variational", "pix2pix"])
def test_a_killed_run_goes_on_as_if_nothing_had_been(architecture, tmp_path, monkeypatch):
    monkeypatch.setattr(fit, "SAVE_EVERY", 4)
    recipe = Recipe(architecture, **SMALL, steps=10)
    whole = pj.surrogate.train(recipe)
    path = tmp_path / "run.checkpoint"

    def kill(step, loss, error):
        if step == 6:
            raise Killed

    with pytest.raises(Killed):
        pj.surrogate.train(recipe, checkpoint=path, report=kill)
    steps = []
    resumed = pj.surrogate.train(
        recipe, checkpoint=path, report=lambda step, loss, error: steps.append(step)
    )
    assert steps == [5, 6, 7, 8, 9, 10]
    for name, weight in whole.network.weights.items():
        assert torch.allclose(weight, resumed.network.weights[name], rtol=1e-5, atol=1e-7)


def test_a_checkpoint_of_another_run(tmp_path):
    path = tmp_path / "run.checkpoint"
    pj.surrogate.train(Recipe(**SMALL, steps=2), checkpoint=path)
    with pytest.raises(pj.errors.InvalidValueError, match="steps 2 there, 3 here"):
        pj.surrogate.train(Recipe(**SMALL, steps=3), checkpoint=path)
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(pj.errors.InvalidValueError, match="remove it to start afresh"):
        pj.surrogate.train(Recipe(**SMALL, steps=2), checkpoint=path)


def test_a_run_that_diverges_is_stopped():
    with pytest.raises(pj.errors.TrainingError, match="smaller rate than 1e"):
        pj.surrogate.train(Recipe(**SMALL, steps=300, rate=1e10))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"architecture": "linaer"}, "linear"),
        ({"channels": (4,) * 8}, "multiples of 256"),
        ({"shape": (100, 128)}, "multiples of 64"),
        ({"steps": 0}, "steps must be a whole number of 1 or more"),
        ({"rate": -1.0}, "learning rate"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**32 + 5}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"steps": 1.5}, "steps must be a whole number of 1 or more, got 1.5"),
        ({"channels": ()}, "two positive widths"),
        ({"channels": (4, 4.5)}, "two positive widths"),
        ({"rate": float("inf")}, "learning rate"),
        ({"aspect": float("nan")}, "aspect"),
        ({"particles": (10.5, 20)}, "entry of particles must be a whole number"),
        ({"sizes": (1,)}, "sizes must be two finite numbers"),
        ({"size": (0.0, 0.02)}, "positive finite sides"),
    ],
)
def test_bad_recipes(options, said):
    with pytest.raises(pj.PyJuTrackError, match=said):
        Recipe(**options)


def test_a_teacher_of_another_grid():
    with pytest.raises(pj.errors.InvalidValueError, match=r"\(64, 64\) cells"):
        pj.surrogate.train(Recipe(**SMALL), teacher=SpectralPoisson(shape=(64, 64)))


def test_only_the_symmetries_of_the_teacher_are_used():
    """A plate on one side of the box: of mirrors and swaps only one mirror is left."""
    from pyjutrack.surrogate.training.fields import symmetries
    from pyjutrack.surrogate.training.samples import draw

    class Plate:
        solver = SpectralPoisson(shape=(32, 32))
        mesh = solver.mesh

        def solve(self, fractions):
            beyond = torch.linspace(0, 1, 36, dtype=fractions.dtype)[:, None] < 0.2
            h = self.solver.solve(torch.where(beyond, 0.0, fractions))
            return h * torch.linspace(0.5, 1.5, 36, dtype=h.dtype)[:, None]

    beams = Recipe(**SMALL).beams
    for teacher, ways in ((Plate(), (0, 1)), (Plate.solver, tuple(range(8)))):
        assert symmetries(teacher, draw(teacher, beams, 1, 6)[0]) == ways


@pytest.mark.parametrize("name", ["n.md", "n.checkpoint", "n", "n.onnx", "folder.safetensors"])
def test_names_that_would_lose_the_weights(name, tmp_path, capsys):
    (tmp_path / "folder.safetensors").mkdir()
    assert main(["train", "linear", "--out", str(tmp_path / name)]) == 1
    assert name in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["folder.safetensors"]


def test_turns_are_the_symmetries_of_the_box():
    solver = SpectralPoisson(shape=(16, 16))
    density = torch.rand(1, 16, 16, dtype=torch.float64)
    padded = torch.nn.functional.pad(density, (2, 2, 2, 2))
    sample = Samples(density, solver.solve(padded)[:, 2:-2, 2:-2])
    seen = set()
    for way in range(8):
        rho, h = sample.apply_symmetry(way)
        padded = torch.nn.functional.pad(rho, (2, 2, 2, 2))
        assert torch.allclose(solver.solve(padded)[:, 2:-2, 2:-2], h)
        seen.add(tuple(rho.flatten().tolist()))
    assert len(seen) == 8


def test_relative_error_is_that_of_the_field():
    """Against its definition with loops, walls included."""
    generator = torch.Generator().manual_seed(0)
    exact = torch.rand(1, 4, 5, generator=generator, dtype=torch.float64)
    h = exact + 0.1 * torch.rand(1, 4, 5, generator=generator, dtype=torch.float64)
    weights = torch.rand(1, 4, 5, generator=generator, dtype=torch.float64)

    def norm(a):
        along_x, along_y = (s[0] for s in slopes(a))
        return sum(
            weights[0, i, j]
            * (
                along_x[i, j] ** 2
                + along_x[i + 1, j] ** 2
                + along_y[i, j] ** 2
                + along_y[i, j + 1] ** 2
            )
            for i in range(4)
            for j in range(5)
        )

    expected = torch.sqrt(norm(h - exact) / norm(exact))
    assert float(relative_error(h, exact, weights)) == pytest.approx(float(expected))
    assert slopes(exact)[0][0, 0, 0] == 2 * exact[0, 0, 0]


def test_the_command(tmp_path, capsys):
    out = tmp_path / "net.safetensors"
    argv = ["train", "linear", "--out", str(out), "--steps", "3", "--samples", "8"]
    argv += ["--channels", "4", "8", "--shape", "32", "32", "--held-out", "5"]
    assert main(argv) == 0
    assert "5 held-out beams" in capsys.readouterr().out
    with pytest.warns(pj.errors.AccuracyWarning, match=r"own card states .* more than 3%"):
        surrogate = pj.Surrogate.load(out)
    assert surrogate.about["held_out"]["beams"] == 5
    assert surrogate.about["recipe"]["channels"] == [4, 8]
    card = out.with_suffix(".md").read_text()
    for piece in ("`linear`", "32 x 32", "macroparticles | from", surrogate.about["digest"]):
        assert piece in card
    assert sorted(p.name for p in tmp_path.iterdir()) == ["net.md", "net.safetensors"]
    json.dumps(dict(surrogate.about), allow_nan=False)


def test_a_network_says_who_taught_it(tmp_path: Path) -> None:
    """With another teacher it is not compared with the solver of the box, also from its file."""

    class Pipe:
        def __init__(self) -> None:
            self.solver = pj.SpectralPoisson((0.02, 0.02), (16, 16))
            self.mesh = self.solver.mesh

        def solve(self, fractions: torch.Tensor) -> torch.Tensor:
            return 1.1 * self.solver.solve(fractions)

    options = {"shape": (16, 16), "samples": 8, "steps": 2, "batch": 4, "channels": (4, 4)}
    recipe = pj.surrogate.Recipe("linear", size=(0.02, 0.02), **options)
    beam = pj.distributions.gaussian(
        pj.Reference.from_kinetic("proton", 1e9),
        200,
        twiss=pj.optics.Twiss(1.0, 0.0, 1.0, 0.0),
        emittance=(4e-6, 4e-6),
        current=1.0,
        seed=1,
    )
    taught = pj.surrogate.train(recipe, teacher=Pipe())
    taught.save(tmp_path / "own.safetensors")
    for network in (taught, pj.Surrogate.load(tmp_path / "own.safetensors")):
        with pytest.raises(pj.errors.InvalidValueError, match=r"as `against`: .* learned Pipe"):
            network.validate(beam)
        assert network.validate(beam, against=Pipe()).field_error > 0
    assert pj.surrogate.train(recipe).validate(beam).field_error > 0
    with pytest.raises(pj.errors.InvalidValueError, match="what its card does not say"):
        taught.replace(about={}).validate(beam)
