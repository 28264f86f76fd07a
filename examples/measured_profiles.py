"""Calibrate a twin with files of measured profiles.

    python examples/measured_profiles.py --out results

writes what an archive might hold, and reads it as if from another laboratory: a horizontal wire in
CSV, a vertical one in HDF5, and a screen as openPMD, all in counts, with a background as dark
frames show it, the screen with saturated pixels. The true machine has two quadrupoles off.
Takes some seconds.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import pyjutrack as pj
from pyjutrack import diagnostics as dg

HIDDEN = {"q1.k1": 0.04, "q2.k1": -0.03}
#: counts of all particles together, background of a pixel, largest count of the camera
COUNTS, BACKGROUND, FULL = 2e5, 40.0, 2500.0


def design() -> pj.Twin:
    """Two quadrupoles; after them two wires and a screen."""
    proton = pj.Reference.from_kinetic("proton", kinetic_energy=1e9)
    line = pj.Lattice(
        [
            *(pj.Drift(0.2), pj.Quadrupole(0.1, k1=20.0, name="q1"), pj.Drift(0.4)),
            *(pj.Quadrupole(0.1, k1=-20.0, name="q2"), pj.Drift(0.4), pj.Marker(name="end")),
        ]
    )
    beam = pj.distributions.gaussian(
        proton,
        4096,
        twiss=pj.optics.Twiss(beta_x=1.0, alpha_x=-1.0, beta_y=1.0, alpha_y=1.0),
        emittance=(2e-6, 2e-6),
        current=50.0,
        quiet=True,
        seed=1,
    )
    wires = [
        dg.WireScanner("end", plane=p, width=0.016, bins=40, resolution=3e-4, noise=1e-3)
        for p in "xy"
    ]
    screen = dg.Screen("end", size=(0.016, 0.012), shape=(32, 24), resolution=3e-4, noise=2.5e-4)
    kick = pj.SpaceCharge(pj.SpectralPoisson((0.024, 0.024), (48, 48)), max_step=0.2)
    return pj.Twin(line, beam, [*wires, screen], [kick])


def archive(folder: Path, seed: int = 0) -> dict[str, Path]:
    """Profiles of six shots as they might lie in an archive, by the name of their diagnostic."""
    twin, rng = design(), np.random.default_rng(seed)
    real = twin.replace(unknowns=[pj.Unknown(a, relative=True, value=v) for a, v in HIDDEN.items()])
    settings = [
        {"q1.k1": 20 * (1 + a), "q2.k1": -20 * (1 + b)} for a, b in rng.uniform(-0.2, 0.2, (6, 2))
    ]
    read = [real.predict(s) for s in settings]
    paths = {}
    for diagnostic, file in zip(
        twin.diagnostics, ("wire_x.csv", "wire_y.h5", "screen_openpmd.h5"), strict=True
    ):
        expected = COUNTS * np.stack([r[diagnostic.name] for r in read])
        counts = rng.poisson(expected + BACKGROUND).astype(float)
        if isinstance(diagnostic, dg.Screen):
            counts = np.minimum(counts, FULL)
        profiles = dg.Profiles(
            counts,
            tuple(axis.centres for axis in diagnostic.axes),
            diagnostic.labels,
            tuple(settings),
            diagnostic.name,
        )
        path = paths[diagnostic.name] = folder / file
        kind = "openpmd" if "openpmd" in file else None
        dg.write_profiles(path, profiles, format=kind)
    return paths


def measurements(paths: dict[str, Path], twin: pj.Twin) -> pj.Measurements:
    """Rebin the archive to the twin's bins: background subtracted, saturation masked."""
    settings = dg.read_profiles(paths["end.wire_x"]).settings
    profiles = []
    for name, path in paths.items():
        # an openPMD mesh does not tell how the machine was set
        given = None if path.suffix == ".csv" or "openpmd" not in path.name else settings
        found = dg.read_profiles(path, settings=given, needs=["q1.k1", "q2.k1"], saturated="mask")
        profiles.append(found.replace(name=name))
    return pj.Measurements.from_profiles(profiles, twin, background=BACKGROUND)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results"))
    folder = parser.parse_args().out
    twin = design()
    data = measurements(archive(folder), twin)
    for name, used in data.used.items():
        print(f"{name}: {len(data)} shots of {used[0].size} pixels, {(~used).sum()} masked")
    unknowns = [pj.Unknown(a, prior=0.1, relative=True) for a in HIDDEN]
    fit = pj.calibrate(twin, data, unknowns, held_out=0)
    print(fit)
    print("report:", fit.report(folder / "report"))


if __name__ == "__main__":
    main()
