"""Public machines in MAD-X files: optics as read here, and as MAD-X computes them.

The files stand in the test data of two public projects, whose clones are named:

    python examples/rings/public_machines.py --xtrack CLONE --madx CLONE

prints a Markdown table: elements and variables, tunes by MAD-X 5.09 (cpymad) and how far they are
off here, and the largest difference of the betas at the start, relative. Each machine is read in
processes of its own. Undefined variables are 0 for both; placeholders are skipped. MAD-X's drifts
are exact, as ours (`twiss, exact`); cavities that move its orbit off momentum are off.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple


class Machine(NamedTuple):
    """Files that are called in their order, what is said before them, and the sequence."""

    name: str
    where: str
    files: tuple[str, ...]
    line: str
    before: str = ""
    after: str = ""


PROTON = "beam, particle=proton, pc={};"
ELECTRON = "beam, particle=electron, energy={};"
IONS = "beam, particle=ion, mass=193.687, charge=54, pc=18; brho=3.3356*18/54;"
LHC_2024 = ("lhc_2024/lhc.seq", "lhc_2024/injection_optics.madx")
LEIR = ("leir/leir_inj_nominal.str", "leir/leir.seq", "leir/leir_inj_nominal.str")
PS = ("PS/PS.ele", "PS/PS_new.seq", "PS/PS_10GeVc_for_OP_group.str")
PSB = ("PSBooster/psb.ele", "PSBooster/psb_new.seq", "PSBooster/psb.dbx")
V6 = ("LHC/LHCRing/V6.503/V6.5.seq", "LHC/LHCRing/V6.503/V6.5.inj.str")
X, M = "xtrack", "madx"
MACHINES = (
    Machine("ELENA", X, ("elena/elena.seq", "elena/highenergy.str"), "elena", PROTON.format(0.1)),
    Machine("LEIR", X, LEIR, "leir", IONS),
    Machine("LEIR, 2nd file", M, ("LEIR/LEIR.seqx",), "leir"),
    Machine("PIMMS", X, ("pimms/PIMM.seq", "pimms/betatron.str"), "pimms", PROTON.format(0.5)),
    Machine("PS", X, ("ps_sftpro/ps.seq", "ps_sftpro/ps_hs_sftpro.str"), "ps", PROTON.format(14)),
    Machine("PS, 10 GeV", M, PS, "ps", PROTON.format(10) + "brho=33.356;"),
    Machine(
        "PSB, chicane",
        X,
        ("psb_chicane/psb.seq", "psb_chicane/psb_fb_lhc.str"),
        "psb1",
        PROTON.format(0.571),
    ),
    Machine("PSB, injection", X, ("psb_injection/psb_injection.seq",), "psb"),
    Machine(
        "PSB, extraction", M, (*PSB, "PSBooster/psb_extraction.str"), "psb", PROTON.format(2.14)
    ),
    Machine("PSB, cell", M, ("PSBsimplecell/cell.seq",), "cell", PROTON.format(2)),
    Machine("SPS", X, ("sps_thick/sps.seq", "sps_thick/lhc_q20.str"), "sps", PROTON.format(26)),
    Machine("SPS, thin, ions", X, ("sps_ions/SPS_2021_Pb_ions_thin_test.seq",), "sps"),
    Machine("LHC, beam 1", X, LHC_2024, "lhcb1", PROTON.format(450)),
    Machine(
        "LHC, beam 2", X, LHC_2024, "lhcb2", "beam, sequence=lhcb2, particle=proton, pc=450, bv=-1;"
    ),
    Machine(
        "HL-LHC 1.4, thin, crossing",
        X,
        ("hllhc14_input_mad/final_seq.madx",),
        "lhcb1",
        after="vrf400 = 0; on_crab1 = 0; on_crab5 = 0;",
    ),
    Machine("LHC, V6.5", M, V6, "lhcb1", PROTON.format(7000)),
    Machine("LEP", X, ("lep/lep98_cv20.madx", "lep/n6060pol70v5.str"), "lep", ELECTRON.format(45)),
    Machine("LEP, 102/90", M, ("LEP/lep.seq9", "LEP/lep.opt9"), "lep", ELECTRON.format(45)),
    Machine("FCC-ee, h", X, ("fcc_ee/fccee_h.seq",), "fccee_p_ring", ELECTRON.format(120)),
    Machine("FCC-ee, z", X, ("fcc_ee/fccee_z.seq",), "fccee_p_ring", ELECTRON.format(45.6)),
    Machine("CLIC damping ring", X, ("clic_dr/sequence.madx",), "ring"),
    Machine(
        "BESSY III",
        X,
        ("bessy3/bessy3.seq",),
        "sec",
        after="beam, energy=2.5, particle=electron, -radiate;",
    ),
    Machine("SLS", X, ("sls/sls.madx",), "ring", ELECTRON.format(2.7)),
    Machine("ALBA", M, ("ALBA/ALBA-25.4th.seq",), "machine", ELECTRON.format(3)),
    Machine("ALS", M, ("ALS/als.seqx",), "als", ELECTRON.format(1.9)),
    Machine("Diamond", M, ("DIAMOND/dls811.seq",), "diamond", ELECTRON.format(3)),
    Machine("PETRA", M, ("Petra/petra.seq",), "t_insertion.a", ELECTRON.format(7)),
    Machine("RHIC", M, ("RHIC/rhic.madx",), "yellow", PROTON.format(100)),
    Machine("five cells", M, ("fivecell/fivecell.seq",), "fivecell", PROTON.format(7)),
)
FOLDERS = {X: "test_data", M: "tests/share"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--xtrack", type=Path, required=True, help="a clone of xsuite/xtrack")
    parser.add_argument("--madx", type=Path, required=True, help="a clone of MAD-X")
    parser.add_argument("--only", action="append", help="name of a machine; may be given again")
    parser.add_argument("--times", action="store_true", help="time reading, here and by MAD-X")
    options = parser.parse_args()
    clones = {X: options.xtrack.resolve(), M: options.madx.resolve()}
    for row in rows(clones, options.only):
        cells = row.split("|")
        print("|".join(cells if options.times else [*cells[:-3], ""]), flush=True)


def rows(clones: dict[str, Path], only: list[str] | None) -> Iterator[str]:
    yield (
        "| machine | elements | variables | MAD-X: tunes | here: differences | betas | length "
        "[m] | read [s] | MAD-X reads [s] |"
    )
    yield "|---|---|---|---|---|---|---|---|---|"
    for machine in MACHINES:
        if only and machine.name not in only:
            continue
        folder = clones[machine.where] / FOLDERS[machine.where]
        with tempfile.NamedTemporaryFile("w", suffix=".madx", dir=folder, delete=False) as file:
            calls = "".join(f'call, file="{name}";\n' for name in machine.files)
            file.write(f"{machine.before}\n{calls}{machine.after}\n")
        try:
            wanted, found = (
                apart(function, Path(file.name), machine.line) for function in (theirs, ours)
            )
        finally:
            os.unlink(file.name)
        yield " | ".join(["| " + machine.name, *compare(wanted, found)]) + " |"


def compare(wanted: dict[str, Any], found: dict[str, Any]) -> list[str]:
    if "error" in wanted or "error" in found:
        return [str(found.get("elements", "")), str(wanted.get("error") or found.get("error"))]
    tunes = [abs(a - b) for a, b in zip(wanted["tunes"], found["tunes"], strict=True)]
    betas = [abs(b / a - 1) for a, b in zip(wanted["betas"], found["betas"], strict=True)]
    return [
        f"{found['elements']}",
        f"{found['variables']}",
        ", ".join(f"{q:.6f}" for q in wanted["tunes"]),
        ", ".join(f"{q:.1e}" for q in tunes),
        f"{max(betas):.1e}",
        f"{found['length']:.3f}",
        f"{found['time']:.1f}",
        f"{wanted['time']:.1f}",
    ]


def apart(function: Any, path: Path, line: str) -> dict[str, Any]:
    """What a function returns, called in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        try:
            return pool.apply(function, (path, line))
        except Exception as error:  # a row of the table
            return {"error": f"{type(error).__name__}: {error}"[:100]}


def theirs(path: Path, line: str) -> dict[str, Any]:
    from cpymad.madx import Madx

    os.chdir(path.parent)
    madx = Madx(stdout=False)
    madx.option(warn=False, info=False)
    start = time.perf_counter()
    madx.call(path.name)
    madx.use(line)
    spent = time.perf_counter() - start
    table = madx.twiss(ripken=True, exact=True)
    summary = table.summary
    return {
        "tunes": (float(summary.q1), float(summary.q2)),
        "betas": (float(table.beta11[0]), float(table.beta22[0])),
        "time": spent,
    }


def ours(path: Path, line: str) -> dict[str, Any]:
    import pyjutrack as pj

    warnings.simplefilter("ignore")
    start = time.perf_counter()
    found = pj.read_lattice(path, line=line)
    spent = time.perf_counter() - start
    lattice = found.lattice
    if not all(element.is_modelled for element in lattice):
        lattice = lattice.skip_placeholders()
    table = pj.twiss_table(lattice, found.reference)
    return {
        "tunes": (float(table.tune_x), float(table.tune_y)),
        "betas": (float(table.beta_x[0]), float(table.beta_y[0])),
        "elements": len(lattice),
        "variables": len(lattice.variables),
        "length": float(lattice.length),
        "time": spent,
    }


if __name__ == "__main__":
    main()
