"""`pyjutrack info`: what is read of a machine's file."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from . import machine
from .showing import add_json, show

if TYPE_CHECKING:
    from ..io import LatticeFile

EXAMPLES = ("ring.madx", "ring.json --all", "ring.mat --json")

#: of variables and notes, as many as a screen holds
_SHOWN = 20


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    machine.add_file(parser)
    add_json(parser)
    parser.add_argument("--all", action="store_true", help="show every variable and every note")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the machine, its length, what it is made of, its variables and notes."""
    found = machine.read_file(options)
    record = _record(str(options.file), found)
    show(options, record, "\n".join(_text(record, options.all)))
    return 0


def _record(file: str, found: LatticeFile) -> dict[str, Any]:
    from ..core.scalars import to_float

    lattice, reference = found.lattice, found.reference
    kinds: dict[str, dict[str, Any]] = {}
    for element in lattice:
        kind = kinds.setdefault(type(element).__name__, {"count": 0, "length": 0.0})
        kind["count"] += 1
        kind["length"] += to_float(element.length)
    return {
        "file": file,
        "elements": len(lattice),
        "length": to_float(lattice.length),
        "reference": reference
        and {
            "species": reference.species.name,
            "mass": reference.species.mass,
            "charge": reference.species.charge,
            "p0c": to_float(reference.p0c),
            "gamma": to_float(reference.gamma),
        },
        "kinds": kinds,
        "variables": {name: to_float(value) for name, value in lattice.variables.items()},
        "expressions": {name: str(text) for name, text in lattice.expressions.items()},
        "notes": [str(note) for note in found.notes],
    }


def _text(found: dict[str, Any], whole: bool) -> list[str]:
    particle, variables, written = (
        found["reference"],
        found["variables"],
        found["expressions"],
    )
    rows = [f"{found['file']}: {found['elements']} elements, {found['length']:.9g} m"]
    if particle is None:
        rows += ["no particle"]
    else:
        rows += [
            f"{particle['species']}, mass {particle['mass']:.9g} eV, "
            f"charge {particle['charge']:g} e, p0c {particle['p0c']:.9g} eV, "
            f"gamma {particle['gamma']:.6g}"
        ]
    rows += [""]
    kinds = sorted(found["kinds"].items(), key=lambda item: (-item[1]["count"], item[0]))
    rows += [f"{each['count']:8} {kind:14} {each['length']:14.6f} m" for kind, each in kinds]
    computed = sum(name in variables for name in written)
    rows += [
        f"\n{len(variables)} variables, {computed} of them computed; "
        f"{len(written) - computed} parameters follow them"
    ]
    rows += _shown(
        [
            f"  {name} = {value:.9g}" + (f" = {written[name]}" if name in written else "")
            for name, value in variables.items()
        ],
        whole,
    )
    notes = found["notes"]
    rows += [f"\n{len(notes)} note{'' if len(notes) == 1 else 's'}"]
    return rows + _shown([f"  {note}" for note in notes], whole)


def _shown(rows: list[str], whole: bool) -> list[str]:
    if whole:
        return rows
    shown = [row[:200] for row in rows[:_SHOWN]]
    if len(rows) > _SHOWN:
        shown.append(f"  ... {len(rows) - _SHOWN} more; --all shows them")
    return shown
