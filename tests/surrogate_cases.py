"""Small networks, for tests that do not need a trained one."""

import torch

from pyjutrack.surrogate.architectures import Standardisation, UNet, symmetric

STANDARD = Standardisation(1e-3, 2e-3, 0.3, 0.4)

ARCHITECTURES = ("linear", "variational", "pix2pix")


def build(architecture, channels=(3, 5, 4), seed=0, dtype=torch.float64):
    network = UNet(channels, activated=architecture == "pix2pix").build(STANDARD, seed)
    network = symmetric(network) if architecture == "variational" else network
    return network.to(dtype)
