"""Learned corrections of a solver, with random weights."""

import dataclasses

import torch

import pyjutrack as pj

KINDS = ("images", "network", "network with rectifiers")
DOUBLE = torch.float64


def solver(size=(0.02, 0.02), cells=(64, 64)):
    return pj.SpectralPoisson(size=size, shape=cells)


def start(kind, under=None):
    """A correction as it is at first, around a solver."""
    under = under or solver()
    if kind == "images":
        return pj.collective.ImageCharges(under, order=3)
    small = pj.surrogate.ResidualNetwork.small(under, seed=3)
    if kind == "network":
        return small
    from pyjutrack.surrogate.architectures import Standardisation, unet

    bent = unet((3, 5), Standardisation(0.0, 0.03), 1, activated=True).to(DOUBLE)
    names = ("output.weight", "output.bias")
    zero = {n: torch.zeros_like(bent.weights[n]) for n in names}
    return pj.surrogate.ResidualNetwork(under, bent.replace({**bent.weights, **zero}), block=2)


def random(kind, under=None, seed=0):
    """The same with weights that change H by some tenths in the middle."""
    found = start(kind, under)
    size = 0.1 if kind == "images" else 0.03
    return dataclasses.replace(found, weights=found.weights + size * noise(found, seed))


def noise(correction, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(len(correction.weights), generator=generator, dtype=DOUBLE)


def kick(correction, weights=None, **options):
    """Space charge of a correction every 0.1 m, with other weights if given."""
    if weights is not None:
        correction = dataclasses.replace(correction, weights=weights)
    return pj.SpaceCharge(correction, **{"max_step": 0.1, **options})
