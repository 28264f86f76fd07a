"""The tables as text: the paper's value, ours with its spread over the seeds, the difference."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import fodo, published

_TITLES = {
    "physical": "physical perveance, 200 A",
    "published": "published convention: half the perveance (100 A physical)",
}
_AXES = ("x", "px", "y", "py")


def text(results: dict[str, Any], tables: tuple[int, ...]) -> str:
    """All asked-for tables, both conventions."""
    parts = [
        f"{results['particles']} macroparticles, seeds {results['seeds']}; ours is the mean over "
        "the seeds and +- the spread of single ones"
    ]
    for convention in fodo.CONVENTIONS:
        found = results[convention]
        parts.append(f"== {_TITLES[convention]} ==")
        if 1 in tables:
            parts.append(
                _matrix("Table 1: Jacobian, finite differences", published.TABLE_1, found, "fd")
            )
        if 2 in tables:
            title = "Table 2: Jacobian, automatic differentiation"
            parts.append(_matrix(title, published.TABLE_2, found, "ad"))
        if 3 in tables:
            parts.append(_gradients(found))
        parts.append(_agreement(found, tables))
    return "\n\n".join(parts)


def field_text(field: dict[str, Any]) -> str:
    """The numbers of Figure 2."""
    return (
        "Figure 2: rms field difference at the macroparticles, relative to the rms field\n"
        f"  solver from Bassetti-Erskine (free space):    {field['from_bassetti_erskine']:.2e}\n"
        f"  solver from the exact series in the box:      {field['from_exact_in_box']:.2e}\n"
        f"  the wall's share (exact in box from free):    {field['wall_share']:.2e}"
    )


def _matrix(title: str, paper: Any, found: dict[str, Any], kind: str) -> str:
    ours = np.array(found[f"jacobian_{kind}"])
    spread = np.array(found["spread"][f"jacobian_{kind}"])
    lines = [title, f"{'entry':>10} {'paper':>12} {'ours':>12} {'+-':>10} {'ours-paper':>12}"]
    for i, row in enumerate(_AXES):
        for j, column in enumerate(_AXES):
            lines.append(
                f"{row + '/' + column:>10} {paper[i, j]:12.4g} {ours[i, j]:12.4g} "
                f"{spread[i, j]:10.2g} {ours[i, j] - paper[i, j]:12.2g}"
                + _percent(ours[i, j], paper[i, j], same_block=i // 2 == j // 2)
            )
    return "\n".join(lines)


def _percent(ours: float, paper: float, *, same_block: bool) -> str:
    # the other blocks hold only the sampling noise of the beam: a percentage would mean nothing
    return f"  {(ours / paper - 1) * 100:+.2f} %" if same_block else "  (noise)"


def _gradients(found: dict[str, Any]) -> str:
    header = (
        f"{'knob':>10} {'paper AD':>11} {'ours AD':>11} {'+-':>9} {'ours-paper':>11} "
        f"{'ours FD':>11} {'AD-FD rel.':>11} {'paper rel.':>11}"
    )
    title = "Table 3: gradient of the normalised horizontal emittance growth"
    lines = [title, header]
    for knob, (paper_ad, paper_fd) in published.TABLE_3.items():
        ours, fd = found["gradients_ad"][knob], found["gradients_fd"][knob]
        spread = found["spread"]["gradients_ad"][knob]
        lines.append(
            f"{knob:>10} {paper_ad:11.3g} {ours:11.3g} {spread:9.1g} "
            f"{ours - paper_ad:11.2g} {fd:11.3g} {abs(ours - fd) / abs(ours):11.1e} "
            f"{abs(paper_ad - paper_fd) / abs(paper_ad):11.1e}"
        )
    return "\n".join(lines)


def _agreement(found: dict[str, Any], tables: tuple[int, ...]) -> str:
    kinked = found["catmull-rom"]
    lines = ["Largest relative difference over all entries and seeds (Catmull-Rom: seed 1)"]
    if {1, 2} & set(tables):
        lines.append(
            f"  Jacobian, AD against FD:   B-spline {found['jacobian_difference_largest']:.1e}, "
            f"Catmull-Rom {kinked['jacobian_difference']:.1e}"
        )
    if 3 in tables:
        lines.append(
            f"  gradients, AD against FD:  B-spline {found['gradient_difference_largest']:.1e}, "
            f"Catmull-Rom {kinked['gradient_difference']:.1e}"
        )
        lines.append(
            "  gradients, forward against reverse mode: "
            f"{found['forward_reverse_difference_largest']:.1e}"
        )
    if "tunes" in found:
        tunes = ", ".join(f"{t:.5f}" for t in found["tunes"])
        lines.append(f"  tunes of the test particle: {tunes}")
    return "\n".join(lines)
