"""The tables as text: the paper's value, ours with its spread over the seeds, the difference."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import fodo, published

_TITLES = {
    "physical": "physical perveance, 200 A",
    "published": "published convention: half the perveance (100 A physical)",
}
_FIELDS = {
    "unet": "the U-Net",
    "spectral": "the spectral solver",
    "jutrack": "JuTrack's own space charge",
}
_MATRICES = {
    1: ("Jacobian, finite differences", published.TABLE_1),
    2: ("Jacobian, automatic differentiation", published.TABLE_2),
}
_AXES = ("x", "px", "y", "py")


def text(results: dict[str, Any], tables: tuple[int, ...]) -> str:
    """All asked-for tables, both conventions."""
    name = results["solver"]
    parts = [
        f"{results['particles']} macroparticles, seeds {results['seeds']}; ours is the mean over "
        f"the seeds, with the field of {_FIELDS[name]} and the {results['engine']} engine, and +- "
        "the spread of single ones"
    ]
    for convention in fodo.CONVENTIONS:
        found = results[convention]
        parts.append(f"== {_TITLES[convention]} ==")
        for number, kind in ((1, "fd"), (2, "ad")):
            if number in tables:
                parts.append(_matrix(number, kind, found, name))
        if 3 in tables:
            parts.append(_gradients(found, name))
            if "gradients_frozen" in found[name]:
                parts.append(_terms(found[name]))
        parts.append(_agreement(found, name))
    return "\n\n".join(parts)


def field_text(field: dict[str, Any], name: str) -> str:
    """The numbers of Figure 2."""
    lines = [
        "Figure 2: rms field difference at the macroparticles, relative to the rms field",
        f"  {name} from Bassetti-Erskine (free space):    {field['from_bassetti_erskine']:.2e}",
        f"  {name} from the exact series in the box:      {field['from_exact_in_box']:.2e}",
        f"  the wall's share (exact in box from free):    {field['wall_share']:.2e}",
    ]
    if name != "spectral":
        lines.append(f"  {name} from the spectral solver:             {field['from_spectral']:.2e}")
    return "\n".join(lines)


def _has_spectral_column(found: dict[str, Any], name: str) -> bool:
    """Return whether the spectral solver has a column of its own."""
    return name != "spectral" and "spectral" in found


def _matrix(number: int, kind: str, found: dict[str, Any], name: str) -> str:
    title, paper = _MATRICES[number]
    ours = np.array(found[name][f"jacobian_{kind}"])
    spread = np.array(found[name]["spread"][f"jacobian_{kind}"])
    solver = found["spectral"][f"jacobian_{kind}"] if _has_spectral_column(found, name) else None
    header = f"{'entry':>10} {'paper':>12} {'ours':>12} {'+-':>10} {'ours-paper':>12}{'':>10}"
    lines = [f"Table {number}: {title}", header + (f" {'spectral':>11}" if solver else "")]
    for i, row in enumerate(_AXES):
        for j, column in enumerate(_AXES):
            lines.append(
                f"{row + '/' + column:>10} {paper[i, j]:12.4g} {ours[i, j]:12.4g} "
                f"{spread[i, j]:10.2g} {ours[i, j] - paper[i, j]:12.2g}"
                + _percent(ours[i, j], paper[i, j], same_block=i // 2 == j // 2)
                + (f" {solver[i][j]:11.4g}" if solver else "")
            )
    return "\n".join(lines)


def _percent(ours: float, paper: float, *, same_block: bool) -> str:
    # the other blocks hold only the sampling noise of the beam: a percentage would mean nothing
    return f"{(ours / paper - 1) * 100:+8.2f} %" if same_block else f"{'(noise)':>10}"


def _gradients(found: dict[str, Any], name: str) -> str:
    header = (
        f"{'knob':>10} {'paper AD':>11} {'ours AD':>11} {'+-':>9} {'ours-paper':>11} "
        f"{'ours FD':>11} {'AD-FD rel.':>11} {'paper rel.':>11}"
    )
    ours, solver = found[name], found["spectral"] if _has_spectral_column(found, name) else None
    title = "Table 3: gradient of the normalised horizontal emittance growth"
    lines = [title, header + (f" {'spectral AD':>11}" if solver else "")]
    for knob, (paper_ad, paper_fd) in published.TABLE_3.items():
        ad, fd = ours["gradients_ad"][knob], ours["gradients_fd"][knob]
        lines.append(
            f"{knob:>10} {paper_ad:11.3g} {ad:11.3g} {ours['spread']['gradients_ad'][knob]:9.1g} "
            f"{ad - paper_ad:11.2g} {fd:11.3g} {abs(ad - fd) / abs(ad):11.1e} "
            f"{abs(paper_ad - paper_fd) / abs(paper_ad):11.1e}"
            + (f" {solver['gradients_ad'][knob]:11.3g}" if solver else "")
        )
    return "\n".join(lines)


def _terms(ours: dict[str, Any]) -> str:
    """The two terms of the paper's Eq. 2."""
    title = "Its two terms (Eq. 2): the field held fixed, and the answer of the field"
    lines = [title, f"{'knob':>10} {'fixed':>12} {'answer':>12} {'sum':>12} {'FD':>12}"]
    for knob in fodo.KNOBS:
        total, fixed = ours["gradients_ad"][knob], ours["gradients_frozen"][knob]
        lines.append(
            f"{knob:>10} {fixed:12.4g} {total - fixed:12.4g} {total:12.6g} "
            f"{ours['gradients_fd'][knob]:12.6g}"
        )
    return "\n".join(lines)


def _agreement(found: dict[str, Any], name: str) -> str:
    lines = ["Largest relative difference over all entries and seeds"]
    for key, label in (
        ("jacobian_difference_largest", "Jacobian, AD against FD"),
        ("gradient_difference_largest", "gradients, AD against FD"),
        ("forward_reverse_difference_largest", "gradients, forward against reverse mode"),
    ):
        if key in found[name]:
            each = ", ".join(f"{variant} {of[key]:.1e}" for variant, of in found.items())
            lines.append(f"  {label}: {each}")
    if "tunes" in found[name]:
        each = "; ".join(
            f"{variant} " + ", ".join(f"{t:.5f}" for t in of["tunes"])
            for variant, of in found.items()
            if "tunes" in of
        )
        lines.append(f"  tunes of the test particle: {each}")
    return "\n".join(lines)
