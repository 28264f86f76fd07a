"""Pictures of how far off trained networks are."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes

from ..core.checks import require_kind
from ..core.errors import InvalidValueError
from ..surrogate.trained import Trained
from .figure import require_axes
from .style import BLUE, VERMILION


def plot_held_out(ax: Axes, network: Trained) -> Axes:
    """Mean error [%] of a network on each kind of beam that it was tested on, as its card says.

    Beams are those of the held-out seed, which training refuses. Dashed is the mean of all, dotted
    the worst beam.

    Args:
        network: a `Surrogate` or a `WakeSurrogate`, as training makes or `load` reads it.

    Raises:
        InvalidValueError: no such network, or one whose card states no errors.

    Example:
        >>> pj.plotting.plot_held_out(ax, pj.Surrogate.load("linear"))
    """
    require_axes(ax)
    require_kind("network", network, Trained, "a trained network", "as Surrogate.load reads it")
    errors = network.about.get("held_out")
    if not errors or not errors.get("by_kind"):
        raise InvalidValueError(
            "the card of the network states no errors on held-out beams; `pyjutrack train` makes "
            "networks whose card does"
        )
    kinds = list(errors["by_kind"])
    ax.barh(kinds, [100 * errors["by_kind"][kind] for kind in kinds], height=0.65, color=BLUE)
    for key, dashes, words in (
        ("mean", "--", "mean"),
        ("worst", ":", f"worst, {errors['worst_kind']}"),
    ):
        value = 100 * errors[key]
        label = f"{words}: {value:.2g} %"
        ax.axvline(value, color=VERMILION, linestyle=dashes, linewidth=1.6, label=label)
    ax.invert_yaxis()
    ax.set(xlim=(0, 105 * errors["worst"]), xlabel="rms error, held-out beams [%]")
    place: Any = {"loc": "lower right", "bbox_to_anchor": (1, 0.99)}
    ax.legend(frameon=False, fontsize="small", ncols=2, **place)
    return ax
