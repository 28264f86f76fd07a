"""What MAD-X makes of a file: optics of small rings as MAD-X 5.09 itself computes them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from madx_program import madx

import pyjutrack as pj
from pyjutrack.io import LatticeFile, read_lattice

pytest.importorskip("cpymad.madx")
# its process leaves pipes open
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)

BEAM = "beam, particle=proton, pc=10{beam};\n"
MAGNETS = "qf: quadrupole, l=0.5, k1:=kf; qd: quadrupole, l=0.5, k1:=kd; d: drift, l=0.75;\n"
VALUES = "kf = 0.6; kd := -kf; ang = 0.1;\n"
BEND = "bb: sbend, l=1.0, angle:=ang{bend};\n"
LINE = "ring: line=(d,qf,d,bb,d,qd,d,bb);\n"
RING = (
    "ring: sequence, l=8{refer}; q1: qf, at=1.0; b1: bb, at=2.5; q2: qd, at=5.0; "
    "b2: bb, at=6.5; endsequence;\n"
)


def written(*parts: str, beam: str = "", bend: str = "", refer: str = "") -> str:
    filled = "".join(parts)
    for key, value in (("beam", beam), ("bend", bend), ("refer", refer)):
        filled = filled.replace(f"{{{key}}}", value)
    return filled


START = (BEAM, VALUES, MAGNETS, BEND)
TURNED = BEND.replace("sbend", "rbend")
FILES = {
    "line": written(*START, LINE),
    "sequence": written(*START, RING),
    "negative beam": written(*START, LINE, beam=", bv=-1", bend=", e1=0.03, k1=0.02, k2=0.3"),
    "rectangular": written(BEAM, VALUES, MAGNETS, TURNED, LINE),
    "rectangular, negative angle": written(
        BEAM, VALUES.replace("ang = 0.1", "ang = -0.1"), MAGNETS, TURNED, LINE
    ),
    "rectangular, negative beam": written(
        BEAM, VALUES, MAGNETS, TURNED, LINE, beam=", bv=-1", bend=", e1=0.03"
    ),
    "rectangular, negative beam, k0": written(
        BEAM, VALUES, MAGNETS, TURNED, LINE, beam=", bv=-1", bend=", k0=0.1"
    ),
    "arcs given": written("option, -rbarc;\n", BEAM, VALUES, MAGNETS, TURNED, LINE),
    "classes are copied": written(*START, RING, "qf->k1 = 0.3; q1->k1 = 0.61;"),
    "defined twice": written(
        *START, RING, RING.replace("ring:", "other:").replace("qf,", "qf, k1=2,")
    ),
    "conditions": written(
        *START,
        RING,
        "n = 0; while (n < 3) { n = n + 1; if (n == 2 && kf > 0) { kf = kf + 0.01; } }\n"
        "if (n > 5) { kf = 0; } elseif (n >= 3) { kf = kf + 0.02; } else { kf = 1; }\n",
    ),
    "macros": written(
        *START, RING, "put(name, value): macro = { name->k1 = value; } exec, put(q1, 0.58);\n"
    ),
    "arguments of lines": written(
        *START, "cell(q): line=(d,q,d,bb); ring: line=(cell(qf),cell(qd));\n"
    ),
    "reversed": written(
        *START,
        "h: line=(d,qf,d,bb,d,qd,d); ring: line=(h,-h); kf = 0.3;\n",
        bend=", e1=0.08, e2=-0.02",
    ),
    "over zero": written(*START, RING, "kf = 0.6 + 1/nothing;\n"),
    "from": written(
        *START,
        "ring: sequence, l=8; qf, at=1.0; b1: bb, at=1.5, from=qf; qd, at=5.0;"
        "b2: bb, at=1.5, from=qd; endsequence;\n",
    ),
    "entry": written(
        *START,
        "ring: sequence, l=8, refer=entry; qf, at=0.75; b1: bb, at=2; qd, at=4.75; b2: bb, at=6;"
        "endsequence;\n",
    ),
    "exit": written(
        *START,
        "ring: sequence, l=8, refer=exit; qf, at=1.25; b1: bb, at=3; qd, at=5.25; b2: bb, at=7;"
        "endsequence;\n",
    ),
    "sequences in a sequence": written(
        *START,
        "mk: marker; cell: sequence, l=4, refpos=cm; q1: qf, at=1.0; cm: mk, at=1.5;"
        "b1: bb, at=2.5; endsequence; cel2: sequence, l=4, refer=entry; q2: qd, at=0.75;"
        "b2: bb, at=2; endsequence; ring: sequence, l=8, refer=entry; cell, at=1.5; cel2, at=4;"
        "endsequence;\n",
    ),
    "kicks": written(
        *START,
        "hk: hkicker, l=0.2, kick=1e-4, tilt=0.1; kk: kicker, hkick=1e-5, vkick=-3e-5;"
        "ring: line=(d,qf,d,bb,hk,qd,d,kk,bb);\n",
    ),
    "bent after their sequence was nested": written(
        *START,
        "br: rbend, l=1; cell: sequence, l=4, refer=entry; qf, at=0.75; r1: br, at=2; endsequence;"
        "ring: sequence, l=8, refer=entry; cell, at=0; qd, at=4.75; b2: bb, at=6; endsequence;"
        "r1, angle:=ang;",
    ),
    "misaligned": written(
        *START,
        RING,
        "use, sequence=ring; select, flag=error, class=bb; ealign, dx=1e-4, dy=2e-4, ds=3e-4, "
        "dphi=1e-5, dtheta=-2e-5, dpsi=3e-5; select, flag=error, clear; select, flag=error, "
        "class=quadrupole; ealign, dx=1e-4, dphi=1e-4, dtheta=2e-4, dpsi=1e-4; efcomp, order=1, "
        "radius=0.01, dks={0,2e-4}, dknr={0,0.01};",
    ),
    "edited": written(
        *START,
        RING,
        "mk: marker; seqedit, sequence=ring; install, element=mid, class=mk, at=4;"
        "install, element=q3, class=qf, at=1, from=mid; replace, element=b1, by=bb;"
        "move, element=q2, by=0.5; remove, element=b2; cycle, start=mid; endedit;"
        "kf = 0.3; kd := -2*kf;",
    ),
    "reflected": written(
        *START,
        "half: sequence, l=4, refer=entry; qf, at=0.7; b1: bb, at=2; endsequence;"
        "ring: sequence, l=8, refer=entry; half, at=0; q2: qd, at=4.6; b2: bb, at=6; endsequence;"
        "seqedit, sequence=ring; flatten; reflect; endedit;",
        bend=", e1=0.03",
    ),
    "an attribute is set at once": written(*START, RING, "q1->k1 := kf; kf = 0.4;"),
    "named before it is defined": written("kk = 2*kf;\n", *START, LINE),
    "an attribute of itself": written(
        *START, RING, "q1->k1 = 0.5*q1->k1; q1->k1 = 0.5*q1->k1 + 0.3;"
    ),
    "a solenoid": written(*START, "s: solenoid, l=0.3, ks=0.02; ring: line=(d,qf,s,bb,d,qd,d,bb);"),
}


def theirs(text: str) -> dict[str, float]:
    with madx(text) as program:
        if "use, sequence=ring" not in text:  # which would drop its errors
            program.use("ring")
        table = program.twiss(ripken=True)
        names = ("q1", "q2", "length")
        found = {name: float(getattr(table.summary, name)) for name in names}
        # those of Mais and Ripken, as ours are where modes are coupled
        columns = {"betx": "beta11", "bety": "beta22", "alfx": "alfa11", "x": "x", "y": "y"}
        return found | {name: float(table[column][0]) for name, column in columns.items()}


def ours(found: LatticeFile) -> dict[str, float]:
    table = pj.optics.twiss_table(found.lattice, found.reference)
    orbit = pj.optics.closed_orbit(found.lattice, found.reference)
    first = orbit[0] if orbit.ndim == 2 else orbit
    return {
        "q1": float(table.tune_x),
        "q2": float(table.tune_y),
        "length": float(found.lattice.length),
        "betx": float(table.beta_x[0]),
        "bety": float(table.beta_y[0]),
        "alfx": float(table.alpha_x[0]),
        "x": float(first[0]),
        "y": float(first[2]),
    }


@pytest.mark.filterwarnings("ignore:.*undefined variables")
@pytest.mark.parametrize("name", FILES)
def test_optics_are_those_of_madx(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.madx"
    path.write_text(FILES[name])
    wanted, found = theirs(FILES[name]), ours(read_lattice(path, line="ring"))
    for key, value in wanted.items():
        tolerance = 1e-5 * max(1.0, abs(value)) if key in ("betx", "bety", "alfx") else 1e-6
        assert found[key] == pytest.approx(value, abs=tolerance), key


def test_a_bend_is_an_arc_from_the_angle_zero_on(tmp_path: Path) -> None:
    """A rectangular bend follows its variable as a file of another value has it."""
    text = written(BEAM, VALUES, MAGNETS, TURNED, LINE)
    path = tmp_path / "a.madx"
    path.write_text(text.replace("ang = 0.1", "ang = 0"))
    moved = read_lattice(path).lattice.with_values(ang=0.1)
    assert float(moved.length) == pytest.approx(theirs(text)["length"], rel=0, abs=1e-8)


@pytest.mark.parametrize("knob", ["kf", "ang", "at1"])
def test_gradients_by_variables_are_differences_of_madx(knob: str, tmp_path: Path) -> None:
    """Tunes by a deferred variable, a bending angle, and a position, which moves two drifts."""
    text = (
        written(*START, RING)
        .replace("at=1.0", "at:=1.0 + at1")
        .replace("kf = 0.6", "kf = 0.6; at1 = 0")
    )
    path = tmp_path / "a.madx"
    path.write_text(text)
    found = read_lattice(path)
    _, slopes = pj.optics.optics_gradient(
        lambda table: torch.stack([table.tune_x, table.tune_y]),
        found.lattice,
        found.reference,
        [knob],
    )
    step, value = 1e-4, float(found.lattice.variables[knob])
    ends = [theirs(text + f"{knob} = {value + sign * step!r};\n") for sign in (1, -1)]
    differences = [(ends[0][q] - ends[1][q]) / (2 * step) for q in ("q1", "q2")]
    assert slopes[:, 0] == pytest.approx(differences, abs=1e-5)


@pytest.mark.parametrize("name", ["sequence", "rectangular", "kicks", "a solenoid"])
def test_madx_reads_what_is_written(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.madx"
    path.write_text(FILES[name])
    found = read_lattice(path, line="ring")
    pj.io.write_lattice(tmp_path / "b.madx", found.lattice, found.reference)
    wanted = theirs(FILES[name])
    assert theirs((tmp_path / "b.madx").read_text()) == pytest.approx(wanted, rel=1e-8, abs=1e-10)


LATER = {
    "errors turn with the beam": written(
        *START,
        RING,
        "use, sequence=ring; select, flag=error, class=quadrupole; efcomp, order=1, radius=0.02, "
        "dknr={0,1e-2}, dks={0,1e-3};",
        beam=", bv=-1",
    ),
    "parameters of macros in names": written(
        *START, RING, "sk(nn): macro = { k.nn = 0.57; qnn->k1 = k.nn; } n = 1; exec, sk($n);"
    ),
    "constants": written(*START, RING, "const kc = 0.57; kc = 0.4; kf = kc;"),
    "else if, and the beam in expressions": written(
        *START,
        RING,
        "beam, sequence=ring, particle=proton, pc=20; odd = gauss();"
        "if (kf > 1) { kf = 1; } else if (kf > 0.5) { kf = 0.57; } else { kf = 2; }"
        "kd = -kf*beam%ring->pc/20;",
    ),
    "a pattern is searched": written(
        *START, RING, "use, sequence=ring; select, flag=error, pattern='2'; ealign, dx=1e-3;"
    ),
    "no fringe": written(*START, LINE, bend=", e1=0.1, fint=0.5, hgap=0.03, kill_ent_fringe=true"),
    "signed operands": written(*START, RING, "kf = 0.6*(1); kd := kf*(-1); kg := 0-(-kf);"),
}


@pytest.mark.parametrize("name", LATER)
def test_what_a_trial_found_is_as_in_madx(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.madx"
    path.write_text(LATER[name])
    found = read_lattice(path, line="ring")
    wanted, seen = theirs(LATER[name]), ours(found)
    for key, value in wanted.items():
        tolerance = 1e-5 * max(1.0, abs(value)) if key in ("betx", "bety", "alfx") else 1e-6
        assert seen[key] == pytest.approx(value, abs=tolerance), key
    if name in ("signed operands", "constants"):
        pj.io.write_lattice(tmp_path / "b.madx", found.lattice, found.reference)
        again = theirs((tmp_path / "b.madx").read_text())
        assert again == pytest.approx(wanted, rel=1e-8, abs=1e-10)
