"""The protocol of diagnostics: a place, a noise, and a pure reading of the beam there."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, TypeVar, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..beam.beam import Beam
from ..core.checks import require_text
from ..core.errors import InvalidValueError
from ..core.scalars import is_real, is_whole

Reading = TypeVar("Reading", Tensor, NDArray[np.float64])


@runtime_checkable
class Diagnostic(Protocol):
    """An instrument that reads the beam at the entrance of an element.

    Attributes:
        name: by which its readings are found.
        at: name of the element of the lattice at whose entrance it reads.
        noise: rms of the Gaussian noise of one reading, in the unit of the reading.
        shape: of a reading.
    """

    @property
    def name(self) -> str: ...

    @property
    def at(self) -> str: ...

    @property
    def noise(self) -> float: ...

    @property
    def shape(self) -> tuple[int, ...]: ...

    def read(self, beam: Beam) -> Tensor:
        """The reading without noise, of `shape`; pure, differentiable in the coordinates.

        Args:
            beam: where the instrument is; a batch (..., N, 6) has readings (..., *shape).
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Instrument:
    """Base of the diagnostics of this package.

    Attributes:
        at: name of the element at whose entrance it reads.
        noise: rms of the Gaussian noise of one reading, in the unit of the reading.
        name: "<at>.<kind>" if it is left out.
    """

    at: str = field(kw_only=False)
    noise: float = 0.0
    name: str = ""
    #: what its name ends with by default
    kind: ClassVar[str] = ""

    def __post_init__(self) -> None:
        if not isinstance(self.at, str) or not self.at:
            raise InvalidValueError(
                f"{type(self).__name__}: at must be the name of an element, got {self.at!r}"
            )
        require_text(f"name of the {type(self).__name__} at {self.at!r}", self.name)
        self._finite("noise", minimum=0.0)
        if not self.name:
            object.__setattr__(self, "name", f"{self.at}.{self._suffix()}")

    def _suffix(self) -> str:
        return self.kind

    def _finite(self, attribute: str, *, minimum: float = -math.inf) -> None:
        value: Any = getattr(self, attribute)
        if not is_real(value) or not math.isfinite(value) or value < minimum:
            bound = "" if minimum == -math.inf else f" of at least {minimum:g}"
            raise InvalidValueError(
                f"{type(self).__name__} at {self.at!r}: {attribute} must be a finite number"
                f"{bound}, got {value!r}"
            )


def add_noise(reading: Reading, diagnostic: Diagnostic, seed: int | torch.Generator) -> Reading:
    """Add the diagnostic's noise to a reading, or to several along leading axes.

    Args:
        reading: (..., *diagnostic.shape), a tensor or an array; the result is of the same kind.
        diagnostic: whose noise is added.
        seed: the same one gives the same noise; or a generator, which goes on.

    Raises:
        InvalidValueError: the reading is not of the diagnostic's shape, or no tensor and no array;
            no diagnostic; another seed.
    """
    if isinstance(reading, (np.ndarray, np.generic)):
        try:
            tensor = torch.from_numpy(np.array(reading, dtype=np.float64))
        except (TypeError, ValueError) as error:
            raise InvalidValueError(f"a reading must be an array of numbers: {error}") from None
        return add_noise(tensor, diagnostic, seed).numpy()
    if not isinstance(reading, Tensor):
        raise InvalidValueError(f"a reading must be a tensor or an array, got {reading!r}")
    if not isinstance(diagnostic, Diagnostic):
        raise InvalidValueError(f"noise is that of a diagnostic, got {diagnostic!r}")
    shape, dims = tuple(reading.shape), len(diagnostic.shape)
    if shape[len(shape) - dims :] != tuple(diagnostic.shape):
        raise InvalidValueError(
            f"a reading of {diagnostic.name!r} has shape {diagnostic.shape}, got {shape}"
        )
    generator = seed if isinstance(seed, torch.Generator) else _make_generator(seed)
    drawn = torch.randn(shape, generator=generator, dtype=torch.float64, device=generator.device)
    return reading + diagnostic.noise * drawn.to(reading)


def _make_generator(seed: int) -> torch.Generator:
    if not is_whole(seed) or not -(2**63) <= seed < 2**63:
        raise InvalidValueError(f"a seed must be a whole number or a generator, got {seed!r}")
    return torch.Generator().manual_seed(int(seed))
