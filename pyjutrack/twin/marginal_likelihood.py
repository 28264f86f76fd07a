"""The size and the lengths of a Gaussian process, of the largest marginal likelihood."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..core.errors import InvalidValueError, MissingPackageError
from ..kernels import parallel

Array = NDArray[np.float64]
#: searches from different first lengths, and steps of each
_SEARCHES, _STEPS = 4, 60
#: shortest length, in units of the rms of a setting: at zero there is no likelihood
_SHORTEST = 1e-3


def fit_process(places: Array, scores: Array, noise: Array, seed: int) -> tuple[float, Array]:
    """Fit size and lengths (D,) of a process to scores (n,) at places (n, D), with variances.

    Raises:
        InvalidValueError: no search has a finite likelihood at its end.
    """
    import gpytorch
    from linear_operator.utils.errors import NanError, NotPSDError

    class Model(gpytorch.models.ExactGP):  # type: ignore[misc]
        def __init__(self, likelihood: Any, lengths: torch.Tensor) -> None:
            super().__init__(x, y, likelihood)
            dimensions = x.shape[1]
            prior = gpytorch.priors.LogNormalPrior(
                math.sqrt(2) + math.log(dimensions) / 2, math.sqrt(3)
            )
            self.mean = gpytorch.means.ZeroMean()
            self.kernel = gpytorch.kernels.ScaleKernel(
                gpytorch.kernels.RBFKernel(
                    ard_num_dims=dimensions,
                    lengthscale_prior=prior,
                    lengthscale_constraint=gpytorch.constraints.GreaterThan(_SHORTEST),
                )
            )
            self.kernel.outputscale = (y * y).mean().clamp(min=1e-6)
            self.kernel.base_kernel.lengthscale = lengths

        def forward(self, at: torch.Tensor) -> Any:
            return gpytorch.distributions.MultivariateNormal(self.mean(at), self.kernel(at))

    x, y = torch.from_numpy(places), torch.from_numpy(scores)
    draw = np.random.default_rng(seed)
    best: tuple[float, float, Array] | None = None
    for _ in range(_SEARCHES):
        likelihood = gpytorch.likelihoods.FixedNoiseGaussianLikelihood(torch.from_numpy(noise))
        lengths = torch.from_numpy(np.exp(draw.uniform(0.0, 2.0, (1, x.shape[1]))))
        model = Model(likelihood, lengths).to(torch.float64)
        evidence = gpytorch.mlls.ExactMarginalLogLikelihood(likelihood, model)
        try:
            reached = _maximize(model, evidence, x, y)
        except (NanError, NotPSDError):
            continue  # a step too long, to where there is no likelihood; the others go on
        kernel = model.kernel
        if math.isfinite(reached) and (best is None or reached > best[0]):
            found = kernel.base_kernel.lengthscale.detach().reshape(-1).numpy().copy()
            best = reached, float(kernel.outputscale.detach().sqrt()), found
    if best is None:
        raise InvalidValueError(
            "no Gaussian process fits the scores of a component of the residuals; take fewer "
            "components, or measure at more settings"
        )
    return best[1:]


def _maximize(model: Any, evidence: Any, x: torch.Tensor, y: torch.Tensor) -> float:
    """Maximize the marginal likelihood of a model by its parameters; returns its value."""
    import gpytorch

    model.train()
    steps = torch.optim.LBFGS(model.parameters(), max_iter=_STEPS, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        steps.zero_grad()
        loss = -evidence(model(x), y)
        loss.backward()
        return loss

    # exact: a few shots need no iterative solver, whose answers depend on random probes
    with gpytorch.settings.fast_computations(False, False, False), parallel.cores():
        steps.step(closure)
        return -float(closure().detach())


def require_package() -> None:
    try:
        with warnings.catch_warnings():
            # PyTorch deprecates what it uses when it is imported
            warnings.simplefilter("ignore", DeprecationWarning)
            import gpytorch  # noqa: F401
    except ImportError as error:
        raise MissingPackageError(
            "Gaussian processes need the package gpytorch: in a clone of pyjutrack, "
            'pip install ".[gp]"'
        ) from error
