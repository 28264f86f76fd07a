"""A network that knows nothing of beams: settings in, profiles out.

An ensemble of small perceptrons from standardised settings to the leading principal components of
the profiles, each stopped where its error on the shots that it does not see is least.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

import pyjutrack as pj

Array = NDArray[np.float64]
Predictor = Callable[[dict[str, float]], dict[str, Array]]

_MEMBERS, _COMPONENTS, _STEPS = 8, 16, 3000


def black_box(data: pj.Measurements, seed: int = 0) -> Predictor:
    """A predictor of profiles, trained on all shots."""
    names, knobs = list(data.readings), list(data.settings[0])
    x = np.array([[row[k] for k in knobs] for row in data.settings])
    y = np.concatenate([data.readings[n] for n in names], axis=1)
    centre, spread = x.mean(0), x.std(0)
    mean = y.mean(0)
    _, sizes, components = np.linalg.svd(y - mean, full_matrices=False)
    count = min(_COMPONENTS, len(sizes))
    basis, scale = components[:count], sizes[:count] / np.sqrt(len(y))
    inputs = torch.from_numpy((x - centre) / spread)
    targets = torch.from_numpy((y - mean) @ basis.T / scale)
    weights = torch.from_numpy(scale / scale[0])  # so that the error is that of the profiles
    members = [_train(inputs, targets, weights, seed + i) for i in range(_MEMBERS)]
    cuts = np.cumsum([data.readings[n].shape[1] for n in names])[:-1]

    def predict(settings: dict[str, float]) -> dict[str, Array]:
        row = torch.tensor([[settings[k] for k in knobs]], dtype=torch.float64)
        row = (row - torch.from_numpy(centre)) / torch.from_numpy(spread)
        with torch.no_grad():
            found = torch.stack([m(row)[0] for m in members]).mean(0).numpy()
        return dict(zip(names, np.split(mean + (found * scale) @ basis, cuts), strict=True))

    return predict


def _train(
    inputs: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor, seed: int
) -> nn.Module:
    torch.manual_seed(seed)
    net = nn.Sequential(
        nn.Linear(inputs.shape[1], 48),
        nn.Tanh(),
        nn.Linear(48, 48),
        nn.Tanh(),
        nn.Linear(48, targets.shape[1]),
    ).double()
    order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(seed))
    out = order[: max(1, len(order) // 5)]
    kept = order[len(out) :]
    optimiser = torch.optim.AdamW(net.parameters(), 3e-3, weight_decay=1e-2)
    best, state = float("inf"), net.state_dict()
    for step in range(_STEPS):
        optimiser.zero_grad()
        loss = ((net(inputs[kept]) - targets[kept]) * weights).square().mean()
        loss.backward()
        optimiser.step()
        if step % 20 == 0:
            with torch.no_grad():
                error = float(((net(inputs[out]) - targets[out]) * weights).square().mean())
            if error < best:
                best, state = error, {k: v.clone() for k, v in net.state_dict().items()}
    net.load_state_dict(state)
    return net
