"""Files of AT are read here, without pyAT, as pyAT reads them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import machine_data
import numpy as np
import pytest

import pyjutrack as pj
from pyjutrack.errors import LatticeFileError
from pyjutrack.io import read_lattice
from pyjutrack.io.at.classes import class_of

at = pytest.importorskip("at")
DATA = Path(machine_data.__file__).parent
#: all that pyAT installs, but the one that contradicts itself
SHIPPED = sorted(
    path.name
    for path in DATA.iterdir()
    if path.suffix in (".m", ".mat") and path.name != "errnoclass.mat"
)
#: as MATLAB's `atwritem` has it: mat2str's empty arrays, a method that follows by itself
_WRITTEN = """function ring=written()
ring={...
    atringparam('R',2.5e9,4,'Particle',struct('name','positron','rest_energy',510998.95,'charge',1));...
        atdrift('D1',0.75);...
   atquadrupole('Q1',0.4,1.2,'StrMPoleSymplectic4Pass','NumIntSteps',20,'MaxOrder',1);...
   atquadrupole('Q2',0.4,-1.1,'PolynomB',[0 -1.1 0 7.5],'MaxOrder',3,'T1',{T1},'T2',{T2});...
        atrbend('B1',1.5,0.1,-0.02,'FullGap',0.03,'FringeInt1',0.5,'FringeInt2',0.4);...
        atsbend('B2',1.5,0.1,0,'ExactSectorBendPass','EntranceAngle',0.01);...
    atsextupole('S1',0.2,15.25,'KickAngle',[1e-4 -2e-4]);...
    atmultipole('M1',0.1,[0 0 0.5],[0 0.25 1]);...
 atthinmultipole('M2',[0 0],[0 0.25]);...
    atcorrector('C1',0.1,[1e-4 2e-4]);...
     atrfcavity('RF',0,5e5,5e8,100,2.5e9,'RFCavityPass','TimeLag',0.01);...
     ataperture('A1',[-0.01 0.01 -0.02 0.02]);...
      atmonitor('BPM','GCR',[1 1 0 0]);...
       atmarker('END');...
};
end
""".replace("{T1}", "[1e-4;0;0;0;0;0]").replace("{T2}", "[-1e-4;0;0;0;0;0]")


def _again(path: Path, folder: Path, suffix: str) -> pj.io.LatticeFile:
    """What is read here of the file that pyAT makes of what pyAT reads."""
    again = folder / f"again{suffix}"
    at.load_lattice(str(path)).save(str(again))
    return read_lattice(again)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        *(
            pytest.param(name, ".json", marks=pytest.mark.slow if name == "err.mat" else ())
            for name in SHIPPED
        ),
        *((name, suffix) for name in ("hmba.mat", "thomx.m") for suffix in (".m", ".mat")),
    ],
)
def test_files_are_read_as_pyat_reads_them(name: str, suffix: str, tmp_path: Path) -> None:
    """pyAT writes all of an element: its class, pass method, defaults."""
    assert len(SHIPPED) == 9
    found, again = read_lattice(DATA / name), _again(DATA / name, tmp_path, suffix)
    assert list(found.lattice) == list(again.lattice)
    assert found.reference == again.reference
    periods = [[n for n in each.notes if "periods" in n.message] for each in (found, again)]
    assert periods[0] == periods[1]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("suffix", [".json", ".m", ".mat"])
def test_what_matlab_writes(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "written.m"
    path.write_text(_WRITTEN)
    found, again = read_lattice(path), _again(path, tmp_path, suffix)
    assert list(found.lattice) == list(again.lattice)
    assert found.reference == again.reference
    assert found.reference.species.name == "positron"
    assert found.lattice.value("Q2.dx") == -1e-4
    assert any("4 of these periods" in note.message for note in found.notes)


@pytest.mark.filterwarnings("ignore")
def test_empty_arrays_of_matlab(tmp_path: Path) -> None:
    path = tmp_path / "a.m"
    path.write_text(_WRITTEN.replace("[0 0 0.5],[0 0.25 1]", "zeros(1,0),zeros(0,0)"))
    assert read_lattice(path).lattice["M1"] == pj.Multipole(
        length=0.1, model="paraxial", order=4, steps=10, name="M1"
    )
    path.write_text(_WRITTEN.replace("[0 0 0.5],[0 0.25 1]", "zeros(1,9),zeros(0,0)"))
    with pytest.raises(LatticeFileError, match=r"a\.m:10: zeros.* only where it is empty"):
        read_lattice(path)


@pytest.mark.filterwarnings("ignore")
def test_no_other_package_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at.load_lattice(str(DATA / "dba.mat")).save(str(tmp_path / "dba.json"))
    for name in ("at", "h5py", "scipy.io"):
        monkeypatch.setitem(sys.modules, name, None)
    ring = read_lattice(DATA / "dba.mat").lattice
    assert list(read_lattice(tmp_path / "dba.json").lattice) == list(ring)
    assert len(read_lattice(DATA / "esrf.m").lattice) == 1636


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "fields",
    [
        {"Class": "QUAD", "PassMethod": "DriftPass"},
        {"Class": "nothing", "FamName": "BPM"},
        {"FamName": "Sext", "PassMethod": "QuadLinearPass"},
        {"PassMethod": "BndMPoleSymplectic4RadPass"},
        {"PassMethod": "ThinMPolePass", "PolynomB": [0, 1.0]},
        {"FullGap": 0.0, "K": 1.0},
        {"TimeLag": 0.0, "Limits": [0.0] * 4},
        {"Limits": [0.0] * 4, "K": 1.0},
        {"K": 1.0, "PolynomB": [0, 0, 1.0]},
        *({"PolynomB": [0.0] * n + [1.0, 2.0]} for n in range(5)),
        {"PolynomB": [0.0, 0.0], "Length": 0.1},
        {"PolynomB": [0.0, 0.0, 0.0, 0.0, 2.0], "PassMethod": "StrMPoleSymplectic4QuantPass"},
        {"PolynomB": [0.0], "PolynomA": [0.0, 1.0]},
        {"KickAngle": [0.0, 0.0], "Length": 0.2},
        {"Length": 0.2, "GCR": [1, 1, 0, 0]},
        {"Length": 0.0, "GCR": [1, 1, 0, 0]},
        {"PassMethod": "IdentityPass"},
        {"PassMethod": "OwnPass"},
        {"Periodicity": 1, "Energy": 1e9},
        {"M66": np.eye(6)},
    ],
)
def test_a_class_is_found_as_pyat_finds_it(fields: dict[str, Any]) -> None:
    fields = {"FamName": "x", **fields}
    theirs = at.load.utils.find_class(dict(fields))
    assert class_of(fields, lambda message: None).name == theirs.__name__


def _read(tmp_path: Path, *elements: dict[str, Any], **properties: Any) -> pj.io.LatticeFile:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"atjson": 1, "elements": elements, "properties": properties}))
    return read_lattice(path)


_CAVITY = {"FamName": "rf", "Class": "RFCavity", "Length": 0, "Voltage": 1e6, "Frequency": 5e8}
_MAGNET = {"FamName": "q", "Class": "Quadrupole", "Length": 0.5, "Energy": 2e9}


@pytest.mark.filterwarnings("ignore")
def test_where_the_energy_is_stated(tmp_path: Path) -> None:
    """The machine's, that of its cavities, that of any element; the highest, with a note."""
    cavity = {**_CAVITY, "Energy": 3e9}
    for elements, stated, energy in (
        ([_MAGNET, cavity], {"energy": 4e9}, 4e9),
        ([_MAGNET, cavity], {}, 3e9),
        ([_MAGNET, {**_MAGNET, "Energy": 1e9}, _CAVITY], {}, 2e9),
    ):
        found = _read(tmp_path, *elements, **stated)
        expected = pj.Reference.from_total("electron", energy)
        assert found.reference.p0c == pytest.approx(expected.p0c, rel=1e-15)
    assert any("from 1e+09 to 2e+09 eV" in note.message for note in found.notes)
    with pytest.raises(LatticeFileError, match="states no energy: read it with reference="):
        _read(tmp_path, _CAVITY)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("particle", ["proton", "negmuon", "positron", "antiproton"])
def test_particles(tmp_path: Path, particle: str) -> None:
    theirs = at.Particle(particle)
    found = _read(tmp_path, _MAGNET, energy=5e9, particle=particle)
    named = _read(tmp_path, _MAGNET, energy=5e9, particle={"name": particle})
    own = {"name": "", "rest_energy": float(theirs.rest_energy), "charge": theirs.charge}
    given = _read(tmp_path, _MAGNET, energy=5e9, particle=own)
    assert found.reference == named.reference
    assert found.reference.species.charge == theirs.charge == given.reference.species.charge
    assert given.reference.species.mass == float(theirs.rest_energy)
    if particle != "antiproton":  # to which pyAT 0.9 gives the mass of a muon
        assert found.reference.species.mass == pytest.approx(float(theirs.rest_energy), rel=1e-9)


@pytest.mark.filterwarnings("ignore")
def test_strengths_that_are_stated_twice(tmp_path: Path) -> None:
    """PolynomB goes before K of the class itself, and that is noted; MaxOrder cuts it."""
    found = _read(tmp_path, {**_MAGNET, "K": 1.0, "PolynomB": [0, 1.5, 3.0], "MaxOrder": 1})
    assert found.lattice.value("q.k1") == 1.5
    assert found.lattice["q"].knl == ()
    said = [note.message for note in found.notes]
    assert "K = 1 contradicts PolynomB, where it is 1.5; PolynomB is taken" in said
    assert "MaxOrder = 1 leaves out what PolynomB has above it" in said
    with pytest.raises(LatticeFileError, match=r"element 0 \(q\): H = 2 contradicts PolynomB"):
        _read(tmp_path, {**_MAGNET, "H": 2.0})
    with pytest.raises(LatticeFileError, match=r"element 0 \(m\): Multipole without PolynomA"):
        _read(tmp_path, {"FamName": "m", "Class": "Multipole", "Length": 1.0, "PolynomB": [1.0]})


@pytest.mark.filterwarnings("ignore")
def test_the_lattice_among_the_variables_of_a_file(tmp_path: Path) -> None:
    """The one that is a lattice; where there are several, RING or what is asked for."""
    io = pytest.importorskip("scipy.io")
    ring = np.empty((2, 1), dtype=object)
    ring[0, 0], ring[1, 0] = _MAGNET, {**_MAGNET, "FamName": "r"}
    path = tmp_path / "a.mat"
    io.savemat(path, {"indBPM": [1.0, 2.0], "ring": ring, "comment": "an arc"})
    assert [e.name for e in read_lattice(path).lattice] == ["q", "r"]
    io.savemat(path, {"indBPM": [1.0, 2.0], "ring": ring, "arc": ring[1:]})
    assert [e.name for e in read_lattice(path, line="arc").lattice] == ["r"]
    with pytest.raises(LatticeFileError, match=r"no variable named 'RING'.*line=: ring, arc"):
        read_lattice(path)
    io.savemat(path, {"RING": ring, "arc": ring[1:]})
    assert len(read_lattice(path).lattice) == 2
