"""MAD-X, MAD8 and elegant files: pyAT makes elements, and what it leaves aside is put back here.

pyAT turns every statement into an AT element and drops what AT has no room for: the phase of
cavities, solenoids, field errors of bends, the sign of a negative rectangular bend's faces. The
statements themselves stay in its parser, under the name of the element.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...beam.reference import Reference
from ...core.errors import InvalidValueError
from ...core.scalars import to_float
from ...elements import Element
from ...lattice.lattice import Lattice
from ..at.kinds import convert
from ..errors import LatticeFileError, clip, wrong
from ..format import LatticeFormat, LatticeSource
from ..madx.text import Syntax
from ..optional import guard, optional
from ..record import LatticeFile, Notes
from .beam import DEFAULT, beam_reference
from .kinds import ELEGANT, Kind
from .lines import find_skipped
from .statements import Statements, find_undefined

#: commands that print, plot or compute, and leave the lattice as it is
_HARMLESS = {
    *("use", "title", "option", "set", "twiss", "survey", "stop", "exit", "quit", "print"),
    *("select", "plot", "assign", "show", "save", "write", "value", "resbeam", "setplot", "help"),
    *(
        "match",
        "endmatch",
        "vary",
        "constraint",
        "global",
        "weight",
        "lmdif",
        "simplex",
        "jacobian",
    ),
    "emit",
    *("track", "endtrack", "start", "run", "observe", "ptc_create_universe", "ptc_create_layout"),
    *("ptc_twiss", "ptc_end", "makethin", "system", "chdir", "clear", "dumpsequ", "optics"),
    *("beta0", "readtable"),
}


@dataclass(frozen=True)
class Dialect:
    """One of the languages.

    Attributes:
        name: for messages.
        suffixes: of its files.
        module, parser: of pyAT.
        kinds: by the name that pyAT gives to the origin of an element.
        syntax: how its text is divided.
        has_beam: whether the file may name its beam.
    """

    name: str
    suffixes: tuple[str, ...]
    module: str
    parser: str
    kinds: Mapping[str, Kind]
    syntax: Syntax
    has_beam: bool = True


LTE = Dialect(
    "elegant",
    (".lte",),
    "at.load.elegant",
    "ElegantParser",
    ELEGANT,
    Syntax(delimiter=False, slashes=False, separators=False, upper=True),
    has_beam=False,
)


def _format(name: str, dialect: Dialect) -> LatticeFormat:
    return LatticeFormat(
        name,
        dialect.name,
        dialect.suffixes,
        lambda source: _read(dialect, source),
        has_lines=True,
    )


ELEGANT_FILES = _format("elegant", LTE)


def _read(dialect: Dialect, source: LatticeSource) -> LatticeFile:
    path, reference = source.path, source.reference
    optional("at", "accelerator-toolbox", "lattice")
    notes = Notes()
    with guard(path, f"pyAT's {dialect.name} parser", notes):
        parser = _parse(dialect, path, source.folder)
        chosen = _choose_line(parser, path, source.line)
        parser.require_size(path, chosen)
        if reference is None and dialect.has_beam:
            reference = beam_reference(path, parser, chosen, notes)
        ring = _ring(parser, chosen, reference, dialect)
        lattice = _lattice(dialect, path, parser, ring, notes)
    notes.drop("AT tracking still assumes beta==1")  # ours does not
    for command in sorted({str(c).lower() for c in parser.ignored} - _HARMLESS):
        notes.add(f"the statement {clip(command)!r} is left out")
    for statement, name in find_undefined(parser).items():
        notes.add(f"the statement {statement!r} is left out: {clip(name)!r} is not defined")
    for part in find_skipped(parser[chosen]):
        notes.add("no counterpart; left out", str(part.name), type(part).__name__.lower())
    return LatticeFile(lattice, reference, notes.all)


def _parse(dialect: Dialect, path: Path, folder: Path | None) -> Any:
    module = optional(dialect.module, "accelerator-toolbox", "lattice")
    theirs = getattr(module, dialect.parser)
    parser = type(theirs.__name__, (Statements, theirs), {"syntax": dialect.syntax})()
    if dialect.has_beam:  # so that only what the file says is there
        parser["beam"].default_beam = {}
        parser["beam%"].clear()
    first = path.resolve()
    parser.prepare(first.parent if folder is None else folder.resolve())
    parser.parse_files(path)
    return parser


def _choose_line(parser: Any, path: Path, line: str | None) -> str:
    """Choose the line to read: as asked, as the file's USE says, or the only one on top."""
    lines = {name.lower(): name for name in parser.sequences}
    if line is not None:
        if line.lower().replace(".", "_") not in lines:
            raise wrong(path, _missing(parser, line, lines.values()))
        return lines[line.lower().replace(".", "_")]
    for statement in reversed(parser.postponed):
        if str(statement[2]).lower() == "use" and len(statement) > 3:
            asked = str(statement[3]).split("=")[-1].strip().lower().replace(".", "_")
            if asked not in lines:
                raise wrong(path, _missing(parser, asked, lines.values()))
            return lines[asked]
    inside = {part for parts, *_ in parser.parts.values() for part in parts}
    tops = [name for low, name in lines.items() if low not in inside] or list(lines.values())
    if len(tops) == 1:
        return tops[0]
    if not lines:
        for statement in parser.postponed:
            if str(statement[2]).lower() in ("line", "sequence"):
                raise wrong(path, _missing(parser, str(statement[1]), ()))
        raise wrong(path, "the file defines no line and no sequence")
    raise wrong(path, f"the file defines several lines, name one with line=: {', '.join(tops)}")


def _missing(parser: Any, name: str, known: Any) -> str:
    """Explain why a line is missing: which name it needs, and whether it needs itself."""
    chain, needs = [name], {}
    for reason, label, *_ in parser.postponed:
        if label is not None:
            needs[str(label).lower()] = str(reason).lower()
    while chain[-1].lower() in needs:
        following = needs[chain[-1].lower()]
        if following in [c.lower() for c in chain]:
            return f"cyclic lines: {' -> '.join([*chain, following])}"
        chain.append(following)
    if len(chain) > 1:
        return f"line {name!r} needs {chain[-1]!r}, which is not defined"
    return f"no line named {name!r}; the file defines {', '.join(known) or 'none'}"


def _ring(parser: Any, chosen: str, reference: Reference | None, dialect: Dialect) -> Any:
    """Expand a line; the reference gives cavities their frequency where the file has harmonics."""
    options: dict[str, Any] = {}
    if reference is not None:
        species = reference.species
        particle = optional("at", "accelerator-toolbox", "lattice").Particle
        options["energy"] = species.mass * to_float(reference.gamma)
        options["particle"] = particle(
            "of the file", rest_energy=species.mass, charge=species.charge
        )
    if dialect.has_beam:
        for name in [n for n in parser if n.startswith("beam%")]:
            parser[name].clear()
            parser[name].update(DEFAULT)
    # a lattice of pyAT would also make an array of its RF buckets, however many
    return list(parser._generator({"use": chosen, **options}))


def _lattice(dialect: Dialect, path: Path, parser: Any, ring: Any, notes: Notes) -> Lattice:
    elements: list[Element] = []
    made: dict[int, Element] = {}  # an element that stands in a line twice is one object
    for position, source in enumerate(ring):
        if id(source) in made:
            elements.append(made[id(source)])
            continue
        name = str(source.FamName)
        origin = str(getattr(source, "origin", ""))
        stated = parser.get(name, None)
        attributes = _numbers(stated) if isinstance(stated, dict) else {}
        say = notes.for_element(name, origin)
        try:
            kind = dialect.kinds.get(origin.lower())
            known = kind is not None and bool(attributes)
            # what AT lacks is no loss where the statement itself is read
            element = convert(source, (lambda _: None) if known else say)
            if kind is not None and known:
                element = kind.restore(element, attributes, say)
            element = dataclasses.replace(element, name=name, **_models(element))
        except LatticeFileError:
            raise
        except (InvalidValueError, TypeError, ValueError, AttributeError) as error:
            raise wrong(path, f"element {position} ({name}): {error}") from error
        made[id(source)] = element
        elements.append(element)
    if not elements:
        raise wrong(path, "the line is empty")
    return Lattice(elements)


def _models(element: Element) -> dict[str, Any]:
    """The file has no integrators, so those that pyAT puts there are none of its own."""
    integration = ("model", "order", "steps", "edges")
    return {f.name: f.default for f in dataclasses.fields(element) if f.name in integration}


def _numbers(stated: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of a statement, expressions evaluated."""
    found: dict[str, Any] = {}
    for name, value in stated.items():
        if isinstance(value, (str, bool)) or value is None:
            found[name.lower()] = value
        elif isinstance(value, (list, tuple)):
            found[name.lower()] = tuple(float(v) for v in value)
        else:
            found[name.lower()] = float(value)
    return found
