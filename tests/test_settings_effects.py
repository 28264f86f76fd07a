"""Many settings of what effects hold: wakes, opposing bunches, factors; as one after another."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from effect_cases import EFFECTS, LATTICE, bunch
from torch import Tensor

import pyjutrack as pj
from pyjutrack.collective import BeamBeam2D, FrozenGaussian, ResistiveWall, Resonator, Wake

FACTORS = torch.tensor([1.0, 1.3, 0.7], dtype=torch.float64)
BEAM = bunch(300)
FROZEN = FrozenGaussian((1.2e-3, 1.2e-3), 0.02, pj.SpectralPoisson((0.014, 0.014), (28, 28)), 0.2)
MODE = Wake(Resonator(2e9, 2e4, 400.0), "tank", cells=40, window=0.3, period=3e-8)
WALL = Wake(ResistiveWall(0.02, 1e6, 1.0), "tank", "dipole x", cells=40)
SHORT = BeamBeam2D("tank", -2e-9, 1.2e-3, 9e-4, x=1e-4, correlation=0.1, beta=0.9)

Make = Callable[[Any], pj.CollectiveEffect]


def field(effect: Any, name: str) -> Make:
    """The effect with a number of its own times a factor."""
    return lambda factor: dataclasses.replace(effect, **{name: getattr(effect, name) * factor})


def within(effect: Wake, name: str) -> Make:
    """The wake with a number of its function times a factor."""
    inner = field(effect.function, name)
    return lambda factor: dataclasses.replace(effect, function=inner(factor))


#: knob, and the effect by a factor on it
CASES: dict[str, Make] = {
    "function.frequency": within(MODE, "frequency"),
    "function.shunt": within(MODE, "shunt"),
    "function.quality": within(MODE, "quality"),
    "period": field(MODE, "period"),
    "function.radius": within(WALL, "radius"),
    "function.conductivity": within(WALL, "conductivity"),
    "function.length": within(WALL, "length"),
    **{f"{n} of a short bunch": field(SHORT, n) for n in ("charge", "sigma_x", "x", "correlation")},
    **{f"{n} of a bunch": field(EFFECTS["beam-beam"], n) for n in ("sigma_y", "sigma_z", "angle")},
    "scale of a frozen bunch": field(FROZEN, "scale"),
    **{
        f"scale, {name}": field(effect, "scale")
        for name, effect in EFFECTS.items()
        if hasattr(effect, "scale")
    },
}
#: settings, by which there are no slopes
SETTINGS: dict[str, Make] = {
    "window": field(MODE, "window"),
    "length of a frozen bunch": field(FROZEN, "length"),
}
ALL = {**CASES, **SETTINGS}
#: tracked in single precision, too
IN_SINGLE = ["function.shunt", "charge of a short bunch", "scale, space charge in 2.5D"]


def size(final: pj.Beam) -> Tensor:
    return final.coordinates[:, [1, 3, 5]][final.alive].square().sum()


def assert_alike(found: Tensor, ones: list[Tensor]) -> None:
    torch.testing.assert_close(found, torch.stack(ones), rtol=1e-13, atol=1e-16)


@pytest.mark.filterwarnings("ignore::pyjutrack.errors.AccuracyWarning")
@pytest.mark.filterwarnings("ignore::pyjutrack.errors.ResolutionWarning")
@pytest.mark.parametrize(
    ("name", "dtype"),
    [(name, torch.float64) for name in ALL] + [(name, torch.float32) for name in IN_SINGLE],
)
def test_tracking(name: str, dtype: torch.dtype) -> None:
    """Beside many strengths of a magnet, with losses, over turns."""
    beam, strengths = BEAM.to(dtype), 6.0 * FACTORS[:2]
    lattice = LATTICE.with_values({"qf.k1": strengths[:, None]})
    many = pj.track(lattice, beam, effects=[ALL[name](FACTORS)], turns=2)
    assert many.coordinates.shape == (2, 3, 300, 6)
    assert many.coordinates.dtype is dtype
    for row, strength in enumerate(strengths.tolist()):
        one = LATTICE.with_values({"qf.k1": strength})
        ones = [pj.track(one, beam, effects=[ALL[name](f)], turns=2) for f in FACTORS.tolist()]
        assert torch.equal(many.alive[row], torch.stack([end.alive for end in ones]))
        assert_alike(many.coordinates[row], [end.coordinates for end in ones])
    assert 0 < int(many.alive.sum()) < many.alive.numel()
    assert not torch.equal(many.coordinates[0, 0], many.coordinates[0, 1])


@pytest.mark.filterwarnings("ignore::pyjutrack.errors.AccuracyWarning")
@pytest.mark.filterwarnings("ignore::pyjutrack.errors.LossWarning")
@pytest.mark.filterwarnings("ignore::pyjutrack.errors.ResolutionWarning")
@pytest.mark.parametrize("mode", ["reverse", "forward"])
@pytest.mark.parametrize("name", CASES)
def test_gradients(name: str, mode: Any) -> None:
    """By the very knob, and by another."""
    wrt = [f"effects[0].{name.split(' ')[0].rstrip(',')}", "qf.k1"]
    given: dict[str, Any] = {"wrt": wrt, "mode": mode, "turns": 1 + (name == "period")}
    value, found = pj.value_and_gradient(
        size, LATTICE, BEAM, effects=[CASES[name](FACTORS)], **given
    )
    each = [
        pj.value_and_gradient(size, LATTICE, BEAM, effects=[CASES[name](f)], **given)
        for f in FACTORS.tolist()
    ]
    np.testing.assert_allclose(value, [v for v, _ in each], rtol=1e-13)
    np.testing.assert_allclose(found, np.stack([s for _, s in each]), rtol=1e-13)
    assert np.abs(found).min() > 0


@pytest.mark.parametrize("name", ["function.shunt", "sigma_y of a bunch"])
def test_autograd(name: str) -> None:
    def end(factors: Tensor) -> Tensor:
        return size(pj.track(LATTICE, BEAM, effects=[CASES[name](factors)]))

    def slope(factors: Tensor) -> Tensor:
        ends = pj.track(LATTICE, BEAM, effects=[CASES[name](factors)])
        live = torch.where(ends.alive.unsqueeze(-1), ends.coordinates, 0.0)
        return torch.autograd.grad(live[..., [1, 3, 5]].square().sum(), factors)[0]

    leaf = FACTORS.clone().requires_grad_()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ones = [f.clone().requires_grad_() for f in FACTORS]
        each = [torch.autograd.grad(end(f), f)[0] for f in ones]
        torch.testing.assert_close(slope(leaf), torch.stack(each), rtol=1e-12, atol=0)


@pytest.mark.filterwarnings("ignore::pyjutrack.errors.ResolutionWarning")
def test_jacobians_and_beams_at_places() -> None:
    make, given = CASES["function.shunt"], {"turns": 2}
    found = pj.jacobian(LATTICE, BEAM, effects=[make(FACTORS)], **given)
    ones = [pj.jacobian(LATTICE, BEAM, effects=[make(f)], **given) for f in FACTORS.tolist()]
    np.testing.assert_allclose(found, np.stack(ones), rtol=1e-13, atol=1e-16)
    seen = pj.beams_at(LATTICE, BEAM, ["b", "rf"], effects=[make(FACTORS)])
    each = [pj.beams_at(LATTICE, BEAM, ["b", "rf"], effects=[make(f)]) for f in FACTORS.tolist()]
    for place in ("b", "rf"):
        assert_alike(seen[place].coordinates, [one[place].coordinates for one in each])


@pytest.mark.filterwarnings("ignore::pyjutrack.errors.ResolutionWarning")
@pytest.mark.parametrize("at", [None, ["d", "rf"]])
def test_turns_come_before_settings(at: Any) -> None:
    make = CASES["function.shunt"]
    line = LATTICE.with_values({"qf.k1": torch.tensor([[6.0], [6.1]])})
    read = {"x": pj.moments.centroid}
    given: dict[str, Any] = {"turns": 4, "at": at, "every": 2}
    found = pj.diagnostics.track_turns(line, BEAM, read, effects=[make(FACTORS)], **given)
    lead = (2,) if at is None else (2, 2)
    assert found["x"].shape == (*lead, 2, 3, 6)
    assert found.beam.coordinates.shape == (2, 3, 300, 6)
    one = LATTICE.with_values({"qf.k1": float(torch.tensor(6.1))})
    alone = pj.diagnostics.track_turns(one, BEAM, read, effects=[make(1.3)], **given)
    torch.testing.assert_close(found["x"][..., 1, 1, :], alone["x"], rtol=1e-13, atol=1e-16)


def test_each_has_its_own_beam_of_a_batch() -> None:
    """A beam and its shares each, and the charges of three settings."""
    make, weights = CASES["scale, wake at a place"], torch.linspace(0.5, 1.5, 300)
    rows = torch.stack([bunch(300).coordinates * f for f in (1.0, 0.9, 0.8)])
    beams = BEAM.replace(
        coordinates=rows,
        alive=torch.ones(3, 300, dtype=torch.bool),
        weights=weights.expand(3, 300),
        charge=BEAM.charge * FACTORS,
    )
    many = pj.track(LATTICE, beams, effects=[make(FACTORS)])
    for n, factor in enumerate(FACTORS.tolist()):
        one = BEAM.replace(coordinates=rows[n], weights=weights, charge=BEAM.charge * factor)
        one = one.replace(alive=torch.ones(300, dtype=torch.bool))
        alone = pj.track(LATTICE, one, effects=[make(factor)])
        assert torch.equal(many.coordinates[n], alone.coordinates)
    assert torch.equal(torch.as_tensor(many.charge), BEAM.charge * FACTORS)


@dataclasses.dataclass(frozen=True)
class Pusher(pj.CollectiveEffect):
    """An effect of a user's own, which takes one number at a time."""

    strength: Any
    lumped = reversible = True
    one_by_one: ClassVar[tuple[str, ...]] = ("strength",)

    def slices(self, element: Any) -> int:
        return int(element.name == "tank")

    def field(self, beam: Any, state: Any, place: Any, memory: Any) -> Any:
        return self.strength

    def apply(self, state: Any, field: Any, place: Any) -> Any:
        x, px, *rest = state.coordinates
        return state._replace(coordinates=(x, px + field, *rest))


def test_an_effect_of_ones_own() -> None:
    """Of as many settings as particles, too, where they would add up without a word."""
    kicks = torch.linspace(0.0, 1e-4, 300, dtype=torch.float64)
    many = pj.track(LATTICE, BEAM, effects=[Pusher(kicks)])
    assert many.coordinates.shape == (300, 300, 6)
    alone = pj.track(LATTICE, BEAM, effects=[Pusher(float(kicks[7]))])
    assert torch.equal(many.coordinates[7], alone.coordinates)


def test_numbers_that_no_setting_can_have() -> None:
    """Each is checked as it would be alone, and what is no number before."""
    refused = pj.errors.InvalidValueError
    with pytest.raises(refused, match=r"quality must be a finite number above 0\.5"):
        Resonator(1e9, 1e4, torch.tensor([1.0, 0.4]))
    with pytest.raises(refused, match="sigma_x must be a finite number above 0"):
        BeamBeam2D("ip", 1e-9, torch.tensor([1e-3, -1e-3]), 1e-3)
    with pytest.raises(refused, match="scale of SpaceCharge3D must be finite"):
        pj.collective.SpaceCharge3D(scale=torch.tensor([1.0, torch.nan]))
    with pytest.raises(refused, match="holds no setting"):
        Resonator(1e9, torch.zeros(0))
    with pytest.raises(refused, match=r"\(3,\) do not go with others of shape \(2,\)"):
        Resonator(torch.tensor([1e9, 2e9]), 1e4 * FACTORS)


def test_one_is_needed() -> None:
    effects = [CASES["function.shunt"](FACTORS)]
    with pytest.raises(pj.errors.ManySettingsError, match=r"effects\[0\].function.shunt .*\(3,\)"):
        pj.loss_map(LATTICE, BEAM, effects=effects)


def test_warnings_come_once() -> None:
    """Of a pass that cannot be made none, and those of the settings as they come of each."""
    coarse = dataclasses.replace(EFFECTS["coherent radiation"], max_step=5.0)
    beam, line = bunch(100, lost=False), LATTICE.with_values({"d.length": 0.1 * FACTORS})
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        pj.track(line, beam, effects=[coarse])
    with warnings.catch_warnings(record=True) as wanted:
        warnings.simplefilter("always")
        for f in FACTORS.tolist():
            pj.track(LATTICE.with_values({"d.length": 0.1 * f}), beam, effects=[coarse])
    messages = [str(w.message) for w in wanted]
    assert len(messages) >= 3
    assert [str(w.message) for w in found] == messages
    assert {w.filename for w in found} == {__file__}
