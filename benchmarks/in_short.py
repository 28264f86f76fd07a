"""The rows of a run that a reader wants first."""

from __future__ import annotations

from statistics import median
from typing import Any, NamedTuple


class Line(NamedTuple):
    """What a row is called in short; the first row that begins so, of the table that does."""

    says: str
    table: str
    row: str
    #: what the ratio is, which is left out where it says nothing
    ratio: str = ""


_KICK, _CELL = "One space-charge kick", "Derivatives through the paper's cell"
LINES = (
    Line("a space-charge kick, 50 000 particles, 128 x 128 cells", _KICK, "50000 particles: pyj"),
    Line("xfields, its fastest way", _KICK, "50000 particles: xfields", "times ours"),
    Line("Cheetah, which solves in 3D", _KICK, "50000 particles: cheetah", "times ours"),
    Line("tracking through the paper's cell, 24 kicks", _CELL, "plain tracking"),
    Line("its seven gradients, in reverse", _CELL, "reverse", "times tracking"),
    Line("the same, forward", _CELL, "forward", "times tracking"),
    Line(
        "a reverse pass through 10 008 kicks",
        "Reverse mode",
        "time: reversible",
        "times tracking them",
    ),
    Line("its memory", "Reverse mode", "memory: reversible", "times that of 96 kicks"),
    Line(
        "gradient by 9984 weights of a network beside the solver",
        "Gradients by weights",
        "residual network, 9984 weights: tracking and",
        "times tracking with it",
    ),
    Line("Twiss of a ring of 1416 elements", "Linear optics", "Twiss"),
    Line("both tunes' gradient by its 288 quadrupoles", "Linear optics", "gradient", "times that"),
    Line("Twiss by pyAT", "Linear optics", "pyAT", "times ours"),
    Line("Twiss by xtrack", "Linear optics", "xtrack", "times ours"),
    Line(
        "the tunes' gradient by xtrack's TPSA, one core",
        "Gradients by every code",
        "tunes: xtrack, TPSA",
        "times ours, one core",
    ),
    Line("6 x 6 Jacobian of SPEAR3, 824 elements", "SPEAR3", "its 6 x 6"),
    Line(
        "1000 particles, 10 turns of SPEAR3 by xtrack, one thread",
        "SPEAR3",
        "xtrack",
        "times ours",
    ),
    Line(
        "1000 settings of a particle through 100 elements",
        "Many settings",
        "1000 settings x 1 particles, 100 elements: pyj",
    ),
    Line(
        "the same by Cheetah's batch, maps of first order",
        "Many settings",
        "1000 settings x 1 particles, 100 elements: cheetah",
        "times ours, exact",
    ),
    Line(
        "the paper's cell, a million particles, two processes",
        "Ranks",
        "track: 2 processes",
        "times faster than one",
    ),
    Line(
        "a kick of a bunch of a million particles, 64 nodes a side",
        "Collective effects: space",
        "3D, 1000000 particles, 64 a side: pyjutrack, quadratic",
    ),
    *(
        Line(
            f"the same by {name}",
            "Collective effects: space",
            f"3D, 1000000 particles, 64 a side: {row}",
            "times ours",
        )
        for name, row in (("xfields", "xfields"), ("ImpactX", "impactx"), ("Cheetah", "cheetah"))
    ),
    Line(
        "20 turns of a ring with space charge, a wake, radiation",
        "Collective effects: all",
        "ring, 2.5D, wake and radiation, 2000 particles, 20 turns: pyj",
    ),
    Line(
        "the same by Xsuite",
        "Collective effects: all",
        "ring, 2.5D, wake and radiation, 2000 particles, 20 turns: xs",
        "times ours",
    ),
)


def in_short(cases: list[dict[str, Any]]) -> str:
    """The table; lines whose rows were not measured are left out."""
    lines = ["## In short", "", "| | time | |", "|---|---|---|"]
    for line in LINES:
        rows = (r for c in cases if c["name"].startswith(line.table) for r in c["rows"])
        row = next((r for r in rows if r["name"].startswith(line.row)), None)
        if row is not None:
            seconds = row["seconds"]["seconds"] if row["seconds"] else None
            time = _time(median(seconds)) if seconds else ""
            ratio = f"{row['measured']:.2g} {line.ratio}" if line.ratio else ""
            lines.append(f"| {line.says} | {time} | {ratio} |")
    return "\n".join([*lines, ""])


def _time(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1e3 * seconds:.3g} ms"
