"""Small networks, for tests that do not need a trained one."""

import torch

from pyjutrack.surrogate.architectures import Energy, Standardisation, UNet

STANDARD = Standardisation(1e-3, 2e-3, 0.3, 0.4)

ARCHITECTURES = ("linear", "variational", "pix2pix")


def build(architecture, channels=(3, 5, 4), seed=0, dtype=torch.float64):
    if architecture == "variational":
        return Energy(channels).build(STANDARD, seed).to(dtype)
    activated = architecture == "pix2pix"
    return UNet(channels, activated=activated).build(STANDARD, seed).to(dtype)
