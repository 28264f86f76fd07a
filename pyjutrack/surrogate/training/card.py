"""The model card: what a surrogate is, how it was trained, and how far off it is."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ...collective.base import CollectiveEffect
from ...collective.poisson import Potential
from ...core.version import __version__
from ..network import Network
from ..surrogate import Surrogate
from .beams import KINDS
from .fields import describe_teacher
from .held_out import held_out_errors, state_errors
from .recipe import Recipe

if TYPE_CHECKING:
    from ..wakes.recipe import WakeRecipe


def fill_card(
    surrogate: Surrogate,
    recipe: Recipe,
    teacher: Potential,
    *,
    command: str = "",
    commit: str = "",
    beams: int = 200,
    progress: Callable[[], object] = lambda: None,
) -> Surrogate:
    """Fill the card of a surrogate, `about`: recipe, errors on held-out beams, origin."""
    unguarded = surrogate.replace(outside="ignore")  # the edges of the domain are its beams too
    errors, kinds = held_out_errors(unguarded, teacher, recipe.beams, beams, progress)
    about: dict[str, Any] = {
        **state_training(recipe, surrogate.network, teacher),
        "held_out": {"beams": beams, **state_errors(errors, kinds, KINDS)},
        "command": command,
        "commit": commit or source(),
    }
    return surrogate.replace(about=about)


def state_training(
    recipe: Recipe | WakeRecipe, network: Network, teacher: Potential | CollectiveEffect
) -> dict[str, Any]:
    """State what trained a network, and with what, as every card does."""
    return {
        "recipe": recipe.record(),
        "weights": network.count,
        "teacher": describe_teacher(teacher),
        "version": __version__,
        "torch": torch.__version__.partition("+")[0],
    }


def text(surrogate: Surrogate, name: str) -> str:
    """The card in Markdown."""
    about, grid = surrogate.about, surrogate.mesh.grid
    recipe, errors, domain = about["recipe"], about["held_out"], surrogate.domain
    kinds = "\n".join(f"| {k} | {e:.2%} |" for k, e in errors["by_kind"].items())
    assert domain is not None
    sizes = f"{domain.size[0] * 1e3:.2g} to {domain.size[1] * 1e3:.2g} mm"
    reach = " and ".join(f"{r * 1e3:.2g}" for r in domain.reach)
    return f"""# {name}

A network of the architecture `{recipe["architecture"]}` that maps the density of a coasting beam to
the potential of its space charge, on {grid.shape[0]} x {grid.shape[1]} cells of a
{grid.size[0] * 1e3:g} mm x {grid.size[1] * 1e3:g} mm box.

| | |
|---|---|
| channels | {", ".join(map(str, recipe["channels"]))} |
| weights | {about["weights"]} |
| learned from | `{about["teacher"]}` |
| trained on | {recipe["samples"]} beams of seed {recipe["seed"]}: {", ".join(KINDS)}; \
{recipe["steps"]} steps of {recipe["batch"]} |
| rms sizes | {sizes}, ratio up to {domain.aspect:.2g} |
| centre | up to {domain.offset * 1e3:.2g} mm from the axis along x and y |
| centre and three rms | up to {reach} mm along x and y |
| macroparticles | from {domain.particles} on |
| digest | `{about.get("digest", "")}` |
| trained by | `{about["command"]}` |
| with | pyjutrack {about["version"]} at {about["commit"]}, PyTorch {about["torch"]} |

Error of the field at the macroparticles, rms over the beam relative to the rms field, on
{errors["beams"]} beams of seed {errors["seed"]}, which training refuses: **mean
{errors["mean"]:.2%}, worst {errors["worst"]:.2%}** ({errors["worst_kind"]}).

| kind of beam | mean error |
|---|---|
{kinds}

One in a hundred of the beams of training lies beyond each of these limits. Outside of them the
network warns, or raises if asked to; it cannot see the shape of a beam. The solver that it was
trained on is more accurate, and needs no training.
"""


def source() -> str:
    """The commit of the source that runs, where it is a checkout; else "a release"."""
    here = Path(__file__).parent

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(here), *words], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no", "--", ".")
        return git("rev-parse", "--short=12", "HEAD") + (" with changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "a release"
