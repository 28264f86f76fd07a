"""Small networks, for tests that do not need a trained one."""

import torch

import pyjutrack as pj
from pyjutrack.surrogate.architectures import Standardisation, energy_gradient, unet

STANDARD = Standardisation(1e-3, 2e-3, 0.3, 0.4)

ARCHITECTURES = ("linear", "variational", "pix2pix")


def build(architecture, channels=(3, 5, 4), seed=0, dtype=torch.float64):
    if architecture == "variational":
        return energy_gradient(channels, STANDARD, seed).to(dtype)
    activated = architecture == "pix2pix"
    return unet(channels, STANDARD, seed, activated=activated).to(dtype)


def effects(surrogate, **options):
    """Space charge of a surrogate every 0.1 m."""
    return [pj.SpaceCharge(surrogate, max_step=0.1, **options)]


def shares(cells=(68, 68), seed=0):
    """A random density on a padded grid."""
    share = torch.rand(*cells, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return share / share.sum()


def moved(beam, factor=1.0, shift=0.0):
    """A beam whose x is scaled and shifted [m]."""
    coordinates = beam.coordinates.clone()
    coordinates[:, 0] = coordinates[:, 0] * factor + shift
    return beam.replace(coordinates=coordinates)
