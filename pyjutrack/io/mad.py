"""MAD-X, MAD8 and elegant files: pyAT parses them, and what it leaves aside is put back here.

pyAT turns every statement into an AT element and drops what AT has no room for: the phase of
cavities, solenoids, field errors of bends, the sign of a negative rectangular bend's faces. The
statements themselves stay in its parser, under the name of the element.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..elements import Element
from ..errors import InvalidValueError
from ..lattice import Lattice
from ..reference import Reference
from .at_elements import converted
from .errors import LatticeFileError, wrong
from .mad_beam import DEFAULT, beam_reference
from .mad_elements import ELEGANT, MAD, Kind
from .mad_statements import passed_over, strict, undefined
from .optional import guarded, optional
from .record import LatticeFile, Notes

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


#: parts of each line or sequence, and the row where it begins
Lines = dict[str, tuple[list[str], int]]
#: a line, with brackets in brackets in it
_LINE = r"line\s*=\s*\(((?:[^();]|\((?:[^();]|\([^();]*\))*\))*)\)"


@dataclass(frozen=True)
class Dialect:
    """One of the languages.

    Attributes:
        name: for messages.
        module, parser: of pyAT.
        kinds: by the name that pyAT gives to the origin of an element.
        has_beam: whether the file may name its beam.
    """

    name: str
    module: str
    parser: str
    kinds: Mapping[str, Kind]
    has_beam: bool = True


MADX = Dialect("MAD-X", "at.load.madx", "MadxParser", MAD)
MAD8 = Dialect("MAD8", "at.load.mad8", "Mad8Parser", MAD)
LTE = Dialect("elegant", "at.load.elegant", "ElegantParser", ELEGANT, has_beam=False)


def reader(dialect: Dialect) -> Callable[[Path, str | None, Reference | None], LatticeFile]:
    """A function that reads files of a dialect; its `line` names a line or sequence."""

    def read(path: Path, line: str | None, reference: Reference | None) -> LatticeFile:
        return _read(dialect, path, line, reference)

    return read


def _read(
    dialect: Dialect, path: Path, line: str | None, reference: Reference | None
) -> LatticeFile:
    text = _text(path)
    _no_straight_arcs(path, text)
    lines = _lines(text)
    _no_cycles(path, lines)
    optional("at", "accelerator-toolbox", "lattice")
    notes = Notes()
    with guarded(path, f"pyAT's {dialect.name} parser", notes):
        parser = _parsed(dialect, path)
        chosen = _chosen(parser, path, line, lines)
        if reference is None and dialect.has_beam:
            reference = beam_reference(path, parser, chosen, notes)
        ring = _ring(parser, chosen, reference, dialect)
        lattice = _lattice(dialect, path, parser, ring, notes)
    notes.drop("AT tracking still assumes beta==1")  # ours does not
    for command in sorted({str(c).lower() for c in parser.ignored} - _HARMLESS):
        notes.add(f"the statement {command!r} is left out")
    for statement, name in undefined(parser).items():
        notes.add(f"the statement {statement!r} is left out: {name!r} is not defined")
    for part in passed_over(parser[chosen]):
        notes.add("no counterpart; left out", str(part.name), type(part).__name__.lower())
    return LatticeFile(lattice, reference, notes.all)


def _parsed(dialect: Dialect, path: Path) -> Any:
    module = optional(dialect.module, "accelerator-toolbox", "lattice")
    parser = strict(getattr(module, dialect.parser))()
    if dialect.has_beam:  # so that only what the file says is there
        parser["beam"].default_beam = {}
        parser["beam%"].clear()
    try:
        parser.parse_files(path.resolve())
    except Exception as error:  # pyAT counts lines from zero
        found = re.match(r"Line (\d+) (.*)", str(error), re.DOTALL)
        if found is None and isinstance(error, ValueError):
            raise wrong(path, str(error)) from error
        if found is None:
            raise
        raise wrong(path, f"{type(error).__name__} in {found[2]}", int(found[1]) + 1) from error
    return parser


def _chosen(parser: Any, path: Path, line: str | None, texts: Lines) -> str:
    """Name of the line to read: as asked, as the file's USE says, or the only one on top."""
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
    inside = {part.replace(".", "_") for parts, _ in texts.values() for part in parts}
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
    """Why a line is not there: which name it needs, and whether that leads back to itself."""
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
        options["energy"] = species.mass * reference.gamma
        options["particle"] = particle(
            "of the file", rest_energy=species.mass, charge=species.charge
        )
    if dialect.has_beam:
        for name in [n for n in parser if n.startswith("beam%")]:
            parser[name].clear()
            parser[name].update(DEFAULT)
    return parser.lattice(use=chosen, **options)


def _lattice(dialect: Dialect, path: Path, parser: Any, ring: Any, notes: Notes) -> Lattice:
    elements = []
    for position, source in enumerate(ring):
        name = str(source.FamName)
        origin = str(getattr(source, "origin", ""))
        stated = parser.get(name, None)
        attributes = _numbers(stated) if isinstance(stated, dict) else {}
        say = notes.about(name, origin)
        try:
            kind = dialect.kinds.get(origin.lower())
            known = kind is not None and bool(attributes)
            # what AT lacks is no loss where the statement itself is read
            element = converted(source, (lambda _: None) if known else say)
            if kind is not None and known:
                element = kind.completed(element, attributes, say)
            elements.append(dataclasses.replace(element, name=name, **_models(element)))
        except LatticeFileError:
            raise
        except (InvalidValueError, TypeError, ValueError, AttributeError) as error:
            raise wrong(path, f"element {position} ({name}): {error}") from error
    if not elements:
        raise wrong(path, f"line {ring.name!r} is empty")
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


def _text(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise wrong(path, f"not a text file: {error}") from error
    if "\0" in text:
        raise wrong(path, "not a text file: it holds zero bytes")
    if not text.strip():
        raise wrong(path, "the file is empty")
    return text


def _lines(text: str) -> Lines:
    """What lines and sequences are made of, and where they stand."""
    code = re.sub(r"/\*.*?\*/", lambda found: "\n" * found[0].count("\n"), text, flags=re.DOTALL)
    code = re.sub(r"(!|//).*", "", code).replace('"', "").lower()
    # of a sequence, what its statements begin with: `name, at = ...` or `name: class, at = ...`
    return {
        found[1]: (re.findall(r"[a-z_][\w.]*", found[2]), code.count("\n", 0, found.start()) + 1)
        for pattern in (_LINE, r"sequence\b(.*?)endsequence")
        for found in re.finditer(rf"([a-z_][\w.]*)\s*:\s*{pattern}", code, re.DOTALL)
    }


def _no_cycles(path: Path, lines: Lines) -> None:
    """No line may contain itself: pyAT would look for its end for ever."""

    def follow(name: str, chain: tuple[str, ...]) -> None:
        if name in chain:
            cycle = " -> ".join([*chain[chain.index(name) :], name])
            raise wrong(path, f"cyclic lines: {cycle}", lines[name][1])
        for part in lines.get(name, ((), 0))[0]:
            if part in lines and part not in safe:
                follow(part, (*chain, name))
        safe.add(name)

    safe: set[str] = set()
    for name in lines:
        follow(name, ())


def _no_straight_arcs(path: Path, text: str) -> None:
    """RBARC off makes L of an RBEND its arc, and moves all that follows; pyAT does not know it."""
    for number, row in enumerate(text.splitlines(), 1):
        code = re.split(r"!|//", row)[0].lower().replace(" ", "")
        if "rbarc=false" in code or re.search(r"option,.*-rbarc", code):
            raise wrong(path, "RBARC = FALSE is not understood; write RBEND as SBEND", number)
