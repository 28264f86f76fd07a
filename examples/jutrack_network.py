"""JuTrack's published network, from its ONNX file or from its pattern, for both engines.

`python examples/jutrack_network.py` builds the pattern at full width (48.8 million weights, random:
the published ones are a download of their own), lets PyTorch export it, converts it, and holds
every step to the module itself. With `--onnx FILE` it converts the published file, which is
generator_TVregularization_epoch_5000.onnx of release v0.3.0 of MSU-Beam-Dynamics/JuTrack.jl. With
`--julia` NNlib evaluates what was converted, too. Takes a quarter of a minute, a whole one with
Julia.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

import pyjutrack as pj
from pyjutrack.interop.networks import JUTRACK, from_onnx, to_nnlib

CELLS = 128
#: rms [cells] and width of the Gaussian that JuTrack puts after its network
SMOOTHING = 2.0, 5
#: channels of the steps down and up, over those of the first
DOWN, UP = (1, 2, 4, 8, 8, 8, 8), (8, 8, 8, 8, 4, 2, 1)


class Generator(nn.Module):
    """A U-Net in the pattern of JuTrack's: as many steps down as up, joined at each size."""

    def __init__(self, width: int, down: Sequence[int] = DOWN, up: Sequence[int] = UP) -> None:
        super().__init__()
        widths = [width * factor for factor in down]
        last, before = len(widths) - 1, 1
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for n, channels in enumerate(widths):
            norm = [nn.InstanceNorm2d(channels)] if 0 < n < last else []
            halve = nn.Conv2d(before, channels, 4, stride=2, padding=1)
            self.down.append(nn.Sequential(halve, *norm, nn.LeakyReLU(0.2)))
            before = channels
        for n, channels in enumerate(width * factor for factor in up):
            double = nn.ConvTranspose2d(before, channels, 4, stride=2, padding=1)
            step = [double, nn.InstanceNorm2d(channels), nn.ReLU()]
            self.up.append(nn.Sequential(*step, *[nn.Dropout(0.5)] * (n < 4)))
            before = channels + (widths[last - 1 - n] if n < last else 0)
        self.final = nn.Conv2d(before, 1, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        joined = []
        for step in self.down:
            x = step(x)
            joined.append(x)
        x = self.up[0](x)
        for step, other in zip(self.up[1:], joined[-2::-1], strict=True):
            x = step(torch.cat([x, other], 1))
        return self.final(x)


def export(module: nn.Module, path: Path, cells: int = CELLS, **options: Any) -> None:
    """Write a module as ONNX, as JuTrack's authors did, for maps of `cells` a side."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch has a newer exporter, which needs onnxscript
        inputs, names = (torch.rand(1, 1, cells, cells),), {"input": {0: "n"}, "output": {0: "n"}}
        options |= {"input_names": ["input"], "output_names": ["output"], "dynamic_axes": names}
        torch.onnx.export(module, inputs, str(path), dynamo=False, **options)


def convert(path: Path) -> pj.Surrogate:
    """Read JuTrack's file, with what its program puts before and after the network."""
    return from_onnx(path, standardisation=JUTRACK, smoothing=SMOOTHING, outside="ignore")


def shares(seed: int = 0) -> torch.Tensor:
    """The shares of a round Gaussian beam of 1.5 mm in the cells, from 50 000 particles."""
    generator = torch.Generator().manual_seed(seed)
    places = 1.5e-3 * torch.randn(50_000, 2, generator=generator)
    cells = ((places / 0.02 + 0.5) * CELLS).long().clamp(0, CELLS - 1)
    counts = torch.bincount(cells[:, 0] * CELLS + cells[:, 1], minlength=CELLS**2)
    return counts.reshape(CELLS, CELLS).float() / len(places)


def by_hand(module: nn.Module, share: torch.Tensor) -> torch.Tensor:
    """What JuTrack's program makes of a module, step by step."""
    with torch.no_grad():
        u = module((share[None, None] - JUTRACK.input_mean) / JUTRACK.input_std)
    rms, width = SMOOTHING
    place = torch.arange(float(width)) - width // 2
    profile = torch.exp(-(place**2) / (2 * rms**2))
    kernel = torch.outer(profile, profile) / profile.sum() ** 2
    h = u * JUTRACK.output_std + JUTRACK.output_mean
    return nn.functional.conv2d(h, kernel[None, None], padding=width // 2)[0, 0]


def by_nnlib(surrogate: pj.Surrogate, share: torch.Tensor) -> torch.Tensor:
    """The same by NNlib in Julia, from the folder that `to_nnlib` writes."""
    from pyjutrack.engines.julia import effects
    from pyjutrack.engines.julia.session import session

    padded = nn.functional.pad(share, (2, 2, 2, 2)).double().numpy()
    found = session().call("value", effects.potential(session(), surrogate), padded)
    return torch.as_tensor(found.to_numpy()[2:-2, 2:-2]).float()


def difference(a: torch.Tensor, b: torch.Tensor) -> float:
    """The largest difference, over the largest value."""
    return float((a - b).abs().max() / b.abs().max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--onnx", type=Path, help="the published file; without it, its pattern")
    parser.add_argument("--width", type=int, default=64, help="channels of the first step")
    parser.add_argument("--julia", action="store_true", help="evaluate it by NNlib, too")
    parser.add_argument("--out", type=Path, help="folder for NNlib; none is kept without it")
    args = parser.parse_args()
    torch.manual_seed(0)
    share = shares()
    with tempfile.TemporaryDirectory() as folder:
        path, module = args.onnx, None
        if path is None:
            path, module = Path(folder) / "generator.onnx", Generator(args.width).eval()
            export(module, path)
        surrogate = convert(path)
        print(f"{path.name}: {surrogate.network.count / 1e6:.1f} million weights")
        h = surrogate.network(share)
        if module is not None:
            print(f"converted, over the module: {difference(h, by_hand(module, share)):.1e}")
        out = args.out or Path(folder) / "generator.nnlib"
        to_nnlib(surrogate, out)
        print(f"for NNlib: {out.name}, {sum(f.stat().st_size for f in out.iterdir()) / 1e6:.0f} MB")
        if args.julia:
            print(f"NNlib, over PyTorch: {difference(by_nnlib(surrogate, share), h):.1e}")


if __name__ == "__main__":
    main()
