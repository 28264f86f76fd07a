"""Settings of effects that are asked for as knobs are refused as such, with a list of the knobs."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from effect_cases import EFFECTS, LATTICE, bunch

import pyjutrack as pj
from pyjutrack.collective import CSR, FrozenGaussian, SpaceCharge3D
from pyjutrack.errors import InvalidValueError
from pyjutrack.testing.comparison import differences

BEAM = bunch(300, lost=False)
LINE = pj.Lattice([e for e in LATTICE if not isinstance(e, pj.Aperture)])
BOX = pj.SpectralPoisson((0.014, 0.014), (28, 28))
FROZEN = FrozenGaussian((1.2e-3, 1.2e-3), 0.02, BOX, 0.2)
WINDOW = dataclasses.replace(EFFECTS["wake at a place"], window=0.3)
RESONATOR = ["function.frequency", "function.shunt", "function.quality", "period", "scale"]
OPPOSING = ["charge", "sigma_x", "sigma_y", "sigma_z", "sigma_px", "sigma_py", "x", "y", "slope_x"]
CASES: dict[str, tuple[pj.CollectiveEffect, list[str], list[str]]] = {
    "space charge in 3D": (
        EFFECTS["space charge in 3D"],
        ["nodes", "margin", "pipe", "response", "balanced"],
        ["scale"],
    ),
    "space charge in 2.5D": (
        EFFECTS["space charge in 2.5D"],
        ["cells", "potential.shape", "potential.damping", "potential.assignment.variance"],
        ["scale", "wall"],
    ),
    "frozen": (FROZEN, ["length", "sizes", "potential.modes"], ["scale", "wall"]),
    "wake": (WINDOW, ["cells", "window", "turns", "at", "component"], RESONATOR),
    "network": (EFFECTS["wake of a network"], ["model.cells", "model.window"], ["scale"]),
    "coherent radiation": (
        CSR(cells=36, smoothing=2.0, reach=1.0),
        ["cells", "mode", "reach"],
        ["smoothing", "scale"],
    ),
    "beam-beam": (
        EFFECTS["beam-beam"],
        ["count", "slicing", "correlations"],
        [*OPPOSING, "slope_y", "angle", "plane"],
    ),
    "photons": (EFFECTS["photons"], ["seed", "bend_slices", "magnet_slices", "mode"], ["scale"]),
}


def square(final: pj.Beam) -> torch.Tensor:
    return (final.coordinates[:, [1, 3, 5]] ** 2).sum()


def gradient(effect: pj.CollectiveEffect, address: str, **options: Any) -> Any:
    return pj.gradient(square, LINE, BEAM, effects=[effect], wrt=[address], **options)


#: of these alone finite differences say the same; others have a number, which steps
COUNTS = {"cells", "turns", "model.cells", "count", "seed", "bend_slices", "magnet_slices"}
#: numbers besides, of which there is one in `CASES`
NUMBERS = COUNTS - {"turns", "model.window"} | {"margin", "length", "window", "reach"}
NUMBERS |= {"potential.damping", "potential.assignment.variance"}


@pytest.mark.parametrize("mode", ["reverse", "forward", "fd"])
@pytest.mark.parametrize("case", CASES)
def test_settings_say_what_they_are_and_list_the_knobs(case: str, mode: str) -> None:
    effect, settings, knobs = CASES[case]
    settings = [name for name in settings if mode != "fd" or name in COUNTS]
    listed = ", ".join(f"effects[0].{name}" for name in knobs)
    kind = type(effect).__name__
    for name in settings:
        address = f"effects[0].{name}"
        what = "a setting" if name in NUMBERS else "no number and no vector of numbers"
        message = (
            f"{address} is {what}, and has no derivatives; give its values to new effects. "
            f"Those of {kind} that have: {listed}"
        )
        with pytest.raises(InvalidValueError, match=f"^{re.escape(message)}$"):
            gradient(effect, address, mode=mode)


def test_a_knob_that_is_none_says_so() -> None:
    message = r"effects\[0\]\.period is None, and no number; give one to the effect"
    with pytest.raises(InvalidValueError, match=message):
        gradient(EFFECTS["wake at a place"], "effects[0].period")


def test_a_value_that_a_knob_cannot_have_is_no_setting() -> None:
    effect = dataclasses.replace(FROZEN, scale=1.0)
    twin = pj.Twin(LINE, BEAM, (pj.diagnostics.BeamPosition(at="tank"),), effects=[effect])
    with pytest.raises(InvalidValueError, match="scale must be a finite number"):
        twin.predict({"effects[0].scale": float("nan")})


@dataclass(frozen=True)
class Counted(pj.CollectiveEffect):
    """A user's effect that checks nothing of what it is given."""

    strength: float = 1e-6
    whole: int = 3
    lumped = reversible = True

    def slices(self, element: pj.Element) -> int:
        return int(element.name == "tank")

    def field(self, beam: pj.Beam, state: Any, place: Any, memory: Any) -> Any:
        return self.strength * self.whole

    def apply(self, state: Any, field: Any, place: Any) -> Any:
        x, px, *others = state.coordinates
        return state._replace(coordinates=(x, px + field, *others))


def test_a_strength_that_was_given_as_a_whole_number_is_a_knob() -> None:
    two = dataclasses.replace(EFFECTS["space charge in 3D"], scale=2)
    real = dataclasses.replace(EFFECTS["space charge in 3D"], scale=2.0)
    assert gradient(two, "effects[0].scale") == pytest.approx(gradient(real, "effects[0].scale"))
    assert abs(gradient(Counted(0), "effects[0].strength")) > 0


@pytest.mark.parametrize("reach", [None, 1.0])
def test_the_slope_by_smoothing_is_that_of_rebuilt_effects(reach: float | None) -> None:
    """To the rounding of double precision."""
    effect = CSR(cells=36, smoothing=2.0, max_step=0.2, reach=reach)

    def value(smoothing: float) -> float:
        rebuilt = dataclasses.replace(effect, smoothing=smoothing)
        return float(square(pj.track(LINE, BEAM, effects=[rebuilt])))

    slope, bound = differences(value, 2.0, 1e-3)
    assert bound < 1e-4 * abs(slope)
    assert gradient(effect, "effects[0].smoothing") == pytest.approx(slope, abs=2 * bound)


def test_margins_are_plain_numbers() -> None:
    with pytest.raises(InvalidValueError, match="margin is a setting, and has no derivatives"):
        SpaceCharge3D(margin=torch.tensor(0.1, requires_grad=True))  # type: ignore[arg-type]
    with pytest.raises(InvalidValueError, match="margin must be a finite number of 0 or more"):
        SpaceCharge3D(margin=-0.1)
