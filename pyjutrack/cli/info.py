"""`pyjutrack info`: what is read of a machine's file."""

from __future__ import annotations

import argparse
from collections import Counter

from . import machine

#: of variables and notes, as many as a screen holds
_SHOWN = 20


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    machine.add_file(parser)
    parser.add_argument("--all", action="store_true", help="every variable and every note")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the machine, its length, what it is made of, its variables and notes."""
    from ..core.scalars import to_float

    found = machine.read_file(options)
    lattice, reference = found.lattice, found.reference
    print(f"{options.file}: {len(lattice)} elements, {to_float(lattice.length):.9g} m")
    if reference is None:
        print("no particle")
    else:
        species = reference.species
        print(
            f"{species.name}, mass {species.mass:.9g} eV, charge {species.charge:g} e, "
            f"p0c {to_float(reference.p0c):.9g} eV, gamma {to_float(reference.gamma):.6g}"
        )
    print()
    counts = Counter(type(element).__name__ for element in lattice)
    for kind, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        lengths = sum(to_float(e.length) for e in lattice if type(e).__name__ == kind)
        print(f"{count:8} {kind:14} {lengths:14.6f} m")
    computed = sum(name in lattice.variables for name in lattice.expressions)
    bound = len(lattice.expressions) - computed
    print(
        f"\n{len(lattice.variables)} variables, {computed} of them computed; "
        f"{bound} parameters follow them"
    )
    rows = [
        f"  {name} = {to_float(value):.9g}"
        + (f" = {lattice.expressions[name]}" if name in lattice.expressions else "")
        for name, value in lattice.variables.items()
    ]
    _print(rows, options.all)
    ending = "" if len(found.notes) == 1 else "s"
    print(f"\n{len(found.notes)} note{ending}")
    _print([f"  {note}" for note in found.notes], options.all)
    return 0


def _print(rows: list[str], whole: bool) -> None:
    for row in rows if whole else rows[:_SHOWN]:
        print(row if whole else row[:200])
    if not whole and len(rows) > _SHOWN:
        print(f"  ... {len(rows) - _SHOWN} more; --all shows them")
