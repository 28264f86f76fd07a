"""Types of elements in elegant, and how they are abbreviated. Source: its manual, 2025."""

from __future__ import annotations

from collections.abc import Collection

TYPES = (
    *("QUAD", "SBEN", "RBEN", "DRIF", "SEXT", "OCTU", "MULT", "SOLE", "HKICK", "VKICK", "RFCA"),
    *("ELSE", "HMON", "VMON", "MONI", "RCOL", "ECOL", "MARK", "MATR", "ALPH", "RFDF", "RFTMEZ0"),
    *("RMDF", "TMCF", "CEPL", "WATCH", "TWPL", "MALIGN", "TWLA", "PEPPOT", "ENERGY", "MAXAMP"),
    *("ROTATE", "TRCOUNT", "RECIRC", "QUFRINGE", "SCRAPER", "CENTER", "BUMPER", "KSEXT", "KSBEND"),
    *("KQUAD", "MAGNIFY", "SAMPLE", "KICKER", "SCATTER", "NIBEND", "KPOLY", "NISEPT", "RAMPRF"),
    *("RAMPP", "STRAY", "CSBEND", "TWMTA", "MATTER", "RFMODE", "TRFMODE", "ZLONGIT", "SREFFECTS"),
    *("MODRF", "BMAPXY", "ZTRANSVERSE", "IBSCATTER", "FMULT", "WAKE", "TRWAKE", "TUBEND", "CHARGE"),
    *("PFILTER", "HISTOGRAM", "CSRCSBEND", "CSRDRIFT", "RFCW", "REMCOR", "MAPSOLENOID", "REFLECT"),
    *("CLEAN", "TWISS", "WIGGLER", "SCRIPT", "FLOOR", "LTHINLENS", "LMIRROR", "EMATRIX", "FRFMODE"),
    *("FTRFMODE", "TFBPICKUP", "TFBDRIVER", "LSCDRIFT", "DSCATTER", "LSRMDLTR", "POLYSERIES"),
    *("RFTM110", "CWIGGLER", "EDRIFT", "SCMULT", "ILMATRIX", "TSCATTER", "KQUSE", "UKICKMAP"),
    *("MBUMPER", "EMITTANCE", "MHISTOGRAM", "FTABLE", "KOCT", "RIMULT", "GFWIGGLER", "MRFDF"),
    *("CORGPIPE", "LRWAKE", "EHKICK", "EVKICK", "EKICKER", "BMXYZ", "BRAT", "BGGEXP", "BRANCH"),
    *("IONEFFECTS", "SLICE", "SPEEDBUMP", "CCBEND", "HKPOLY", "BOFFAXE", "APCONTOUR", "TAPERAPC"),
    *("TAPERAPE", "TAPERAPR", "SHRFDF", "GKICKMAP", "BEAMBEAM", "CPICKUP", "CKICKER", "LGBEND"),
    *("CORGPLATES", "BEDGE"),
)
_KNOWN = frozenset(TYPES)


def find_type(word: str, known: Collection[str] = ()) -> str | None:
    """The type or the element that a word stands for; None if there is none.

    A type in full, then an element of the name, which is copied, then the one type of which the
    word is a beginning, or which is a beginning of the word: QUADRUPOLE is QUAD, MARKER is MARK.

    Args:
        word: in upper case.
        known: elements that are defined.

    Raises:
        ValueError: several types may be meant.
    """
    if word in _KNOWN or word in known:
        return word
    found = [name for name in TYPES if name.startswith(word) or word.startswith(name)]
    if len(found) > 1:
        raise ValueError(f"{word[:40]!r} may be {', '.join(found)}; write more of it")
    return found[0] if found else None
