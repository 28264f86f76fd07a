"""The formats of lattice files that are known: ours, those of packages, those of users.

A package makes a format known by an entry point in the group `pyjutrack.lattice_formats`, whose
object is a `LatticeFormat`; such packages are looked for when a file is first read or written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path, PurePath

from ..core.checks import require_callable, require_flag, require_kind, require_text
from ..core.errors import InvalidValueError, PluginError, unknown
from ..core.registry import refuse_taken, same_origin
from .errors import wrong
from .format import LatticeFormat, LatticeSource

GROUP = "pyjutrack.lattice_formats"
_USERS: dict[str, LatticeFormat] = {}
#: functions of a format, and what they take
_PARTS = {"read": "source", "write": "path, lattice, reference", "recognise": "source"}


@cache
def _own_formats() -> dict[str, LatticeFormat]:
    """The formats of this package, whose readers are imported when they are needed."""
    from .at.read import AT, MATLAB_FUNCTION, MATLAB_VARIABLES
    from .bmad.read import BMAD_FILES
    from .elegant.read import ELEGANT_FILES
    from .madx.read import MAD8_FILES, MADX_FILES
    from .native import OWN
    from .pals.read import PALS
    from .xsuite.read import XSUITE

    at = (MATLAB_VARIABLES, MATLAB_FUNCTION, AT)
    found = (OWN, PALS, MADX_FILES, MAD8_FILES, ELEGANT_FILES, BMAD_FILES, *at, XSUITE)
    return {format.name: format for format in found}


def register_format(format: LatticeFormat) -> LatticeFormat:
    """Let `read_lattice` and `write_lattice` know a format of one's own; returns it.

    The same again, from the same module, takes the place of the former; so does the same reader for
    the same suffix by another name, as where a cell with a mistyped one is mended.

    Raises:
        InvalidValueError: no LatticeFormat, one without a name, a suffix or a reader, of another's
            name, or of a suffix that another has where neither knows its files by the content.
    """
    _require_format(format)
    known = {**_own_formats(), **_USERS}
    former = known.get(format.name)
    refuse_taken("lattice format", format.name, format.read, former and former.read)
    renamed = [other.name for other in _USERS.values() if _is_renamed(format, other)]
    _refuse_unclear(format, {n: other for n, other in known.items() if n not in renamed})
    for name in renamed:
        del _USERS[name]
    _USERS[format.name] = format
    return format


def lattice_formats() -> dict[str, LatticeFormat]:
    """All formats that are known, by name.

    Raises:
        PluginError: a package's format cannot be loaded, is none, or has a name that is taken.
    """
    known = {**_own_formats(), **_USERS}
    for package, format in _installed_formats():
        if format.name in known:
            raise PluginError(
                f"the package {package} has a lattice format named {format.name!r}, as another "
                "has; uninstall one, or report it to its author"
            )
        known[format.name] = format
    return known


def find_format(name: str) -> LatticeFormat:
    """The format of a name; packages are looked at only for names that are not known here.

    Raises:
        UnknownNameError: no such format. PluginError: as for `lattice_formats`.
    """
    found = {**_own_formats(), **_USERS}.get(name) or lattice_formats().get(name)
    if found is None:
        raise unknown("lattice format", name, lattice_formats())
    return found


def format_to_read(source: LatticeSource) -> LatticeFormat:
    """The format of a file by its suffix, and by its content where several share that.

    Raises:
        LatticeFileError: none, or more than one.
    """
    suffix, known = source.path.suffix.lower(), lattice_formats().values()
    candidates = [format for format in known if suffix in format.suffixes]
    if not candidates:
        shown = ", ".join(dict.fromkeys(s for format in known for s in format.suffixes))
        raise wrong(
            source.path,
            f"the suffix {source.path.suffix!r} belongs to no format; known are {shown}, "
            "or give format=",
        )
    found = [format for format in candidates if format.recognise and format.recognise(source)]
    found = found or [format for format in candidates if format.recognise is None]
    if not found:
        raise wrong(source.path, f"the content is none of {_join_names(candidates)}")
    if len(found) > 1:
        raise wrong(source.path, f"it may be {_join_names(found)}; give format=")
    return found[0]


def format_to_write(path: Path) -> LatticeFormat:
    """The format that writes files of a suffix.

    Raises:
        InvalidValueError: none, or more than one.
    """
    writers = [f for f in lattice_formats().values() if f.write is not None and f.by_suffix]
    found = [format for format in writers if path.suffix.lower() in format.suffixes]
    if not found:
        shown = " or ".join(f"{'/'.join(f.suffixes)} ({f.description})" for f in writers)
        raise InvalidValueError(
            f"lattices are written as {shown}, not as {path.suffix or path.name!r}"
        )
    if len(found) > 1:
        raise InvalidValueError(f"{path} may be {_join_names(found)}; give format=")
    return found[0]


@cache
def _installed_formats() -> tuple[tuple[str, LatticeFormat], ...]:
    """Formats of installed packages, with the names of these."""
    from importlib.metadata import entry_points

    found = []
    for entry in entry_points(group=GROUP):
        package = entry.dist.name if entry.dist else entry.value
        try:
            format = entry.load()
            _require_format(format)
        except Exception as error:  # whatever the package does, it is named
            raise PluginError(
                f"the lattice format {entry.name!r} of the package {package} cannot be loaded: "
                f"{type(error).__name__}: {error}; mend or uninstall it, or give format= with the "
                "name of another"
            ) from error
        found.append((package, format))
    return tuple(found)


def _require_format(format: LatticeFormat) -> None:
    require_kind("a lattice format", format, LatticeFormat, "a LatticeFormat")
    require_text("the name of a lattice format", format.name)
    if not format.name or not isinstance(format.suffixes, tuple) or not format.suffixes:
        raise InvalidValueError(f"a lattice format needs a name and a tuple of suffixes: {format}")
    label = f"the lattice format {format.name!r}"
    for suffix in format.suffixes:
        require_text(f"a suffix of {label}", suffix)
        # as `Path.suffix` gives it, by which formats are found
        if PurePath(f"a{suffix}").suffix != suffix or suffix != suffix.lower():
            raise InvalidValueError(
                f"a suffix of {label} must be one dot and lower case after it, got {suffix!r}"
            )
    require_text(f"the description of {label}", format.description)
    for flag in ("has_lines", "by_suffix"):
        require_flag(f"{flag} of {label}", getattr(format, flag))
    for part, given in _PARTS.items():
        function = getattr(format, part)
        if function is not None or part == "read":
            expected, count = f"a function of ({given})", len(given.split(", "))
            require_callable(f"{part} of {label}", function, expected, count)


def _refuse_unclear(format: LatticeFormat, known: Mapping[str, LatticeFormat]) -> None:
    """Refuse a suffix of another format where no content tells the files of the two apart."""
    for other in known.values():
        unclear = _unclear_suffixes(format, other)
        if unclear:
            raise InvalidValueError(
                f"the suffix {unclear[0]!r} of the lattice format {format.name!r} is that of "
                f"{_join_names([other])} already, and neither tells its files by their content; "
                "give another suffix, or recognise="
            )


def _is_renamed(format: LatticeFormat, former: LatticeFormat) -> bool:
    unclear = _unclear_suffixes(format, former)
    return bool(unclear) and same_origin(former.read, format.read)


def _unclear_suffixes(format: LatticeFormat, other: LatticeFormat) -> list[str]:
    """Suffixes that two formats share, where neither tells its files by their content."""
    if other.name == format.name or format.recognise is not None or other.recognise is not None:
        return []
    return [suffix for suffix in format.suffixes if suffix in other.suffixes]


def _join_names(formats: Iterable[LatticeFormat]) -> str:
    return ", ".join(f"{format.name!r} ({format.description})" for format in formats)
