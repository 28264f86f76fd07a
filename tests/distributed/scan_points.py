"""Functions of scans in other processes; as a script, a scan that is killed in its midst."""

from __future__ import annotations

import os
import signal
import sys
from functools import partial
from pathlib import Path

import numpy as np
import torch

import pyjutrack as pj

#: at which point
KILLED = 6


def square(point):
    """The square of a number, refused for 3, and how many threads PyTorch has for it."""
    if point == 3:
        raise ValueError("three is not allowed")
    return {"square": np.float64(point) ** 2, "threads": torch.get_num_threads()}


def deadly(log):
    """A file that ends the process at one of the points, while it is there."""
    return Path(f"{log}.deadly")


def logged(log, point):
    """The square of a number, with a note of every call; the end of the process at one of them."""
    with Path(log).open("a") as file:
        file.write(f"{point}\n")
    if deadly(log).exists() and point == KILLED:
        os.kill(os.getpid(), signal.SIGKILL)
    return point**2


def momenta(seed):
    """Momenta of two particles after a short line, in a beam of a seed."""
    proton = pj.Reference.from_kinetic("proton", 1e9)
    line = pj.Lattice([pj.Drift(0.1)])
    twiss = pj.optics.Twiss(beta_x=1.0, alpha_x=0.0, beta_y=1.0, alpha_y=0.0)
    beam = pj.distributions.gaussian(
        proton, 500, twiss=twiss, emittance=(1e-6, 1e-6), current=100.0, seed=seed
    )
    return pj.track(line, beam, effects=[pj.SpaceCharge(max_step=0.1)]).coordinates[:2, 1]


def main() -> None:
    store, log = sys.argv[1:]
    pj.distributed.scan(partial(logged, log), range(10), store=store)


if __name__ == "__main__":
    main()
