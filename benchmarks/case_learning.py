"""Gradients by the weights of what is learned, through many cells in one reverse pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .child import measure, megabytes
from .clock import in_turns
from .learned import LEARNED
from .report import Row, Table
from .setup import apart, paper_cell

#: turns of the paper's cell, 24 kicks each: timed in turns, and each in a process of its own
SHORT, LONG = 4, (25,)


def run(particles: int, repeats: int, threads: int) -> Table:
    return table(particles, repeats, threads, LONG)


def table(particles: int, repeats: int, threads: int, long: Sequence[int]) -> Table:
    """The comparison, with so many turns in each of the long runs."""
    setup, rows = paper_cell(particles), []
    for name, make in LEARNED.items():
        learned = make(setup)
        contenders: dict[str, Callable[[], object]] = {
            "tracking": lambda one=learned: one.track(setup, one.weights, SHORT),
            "gradient": lambda one=learned: one.gradient(setup, SHORT, "reversible"),
        }
        found = in_turns(contenders, max(3, repeats // 5))
        slopes, stored = (learned.gradient(setup, SHORT, a) for a in ("reversible", "store"))
        label = f"{name}, {len(learned.weights)} weights"
        rows += [
            Row(f"{label}: tracking, {24 * SHORT} kicks", found["tracking"], 1.0),
            Row(
                f"{label}: tracking and one reverse pass",
                found["gradient"],
                found["gradient"].over(found["tracking"]),
                "<= 5",
                f"agrees with store to {apart(slopes.numpy(), stored.numpy()):.1e}",
            ),
        ]
    for name in LEARNED:
        few = measure("learning_child", name, particles, SHORT, threads)
        for turns in long:
            many = measure("learning_child", name, particles, turns, threads)
            rows += [
                Row(
                    f"{name}: time, {24 * turns} kicks",
                    measured=many["seconds"] / many["plain"],
                    asked="<= 5",
                    note=f"{many['seconds']:.1f} s over {many['plain']:.1f} s",
                ),
                Row(
                    f"{name}: memory, {24 * turns} kicks over {24 * SHORT}",
                    measured=many["peak"] / few["peak"],
                    asked="<= 1.3",
                    note=f"{megabytes(many['peak'])} over {megabytes(few['peak'])}",
                ),
            ]
    return Table(
        f"Gradients by weights through the paper's cell, {particles} particles",
        "time of tracking and reverse pass / time of tracking with the same model",
        rows,
        ["memory: largest resident set of a process of its own, less that before the reverse pass"],
    )
