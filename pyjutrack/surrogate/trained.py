"""What every trained network does that stands for an effect: files, its domain, its card."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import torch
from torch import Tensor

from ..core import tensorfile
from ..core.devices import usable
from ..core.digits import tell_apart
from ..core.errors import (
    AccuracyWarning,
    DomainError,
    DomainWarning,
    InvalidValueError,
    require_known,
    warn,
)
from ..core.scalars import is_transformed
from .layer_base import Weights, from_record, record
from .limits import Limits
from .network import Network
from .validation import POOR, stated_error

#: what may be done with a beam outside of the domain
OUTSIDE = ("warn", "raise", "ignore")


class Words(NamedTuple):
    """Words in which messages speak of a kind of trained networks.

    Attributes:
        holds: what files hold, as their format says. said: the same in words.
        beam, output: what it reads, and what it gives.
        advice: what to do with a beam outside of the domain. instead: of a poor network.
    """

    holds: str
    said: str
    beam: str
    output: str
    advice: str
    instead: str


class Trained(ABC):
    """A trained network, the domain that it is right in, and how it was trained.

    Its kinds are frozen dataclasses with these attributes and more; a file holds those of `_more`.
    """

    network: Network
    domain: Any
    outside: str
    about: Mapping[str, Any]

    _words: ClassVar[Words]
    #: the kind of the domain
    _limits: ClassVar[type[Limits]]
    #: dimensions of one density
    _dimensions: ClassVar[int]

    @abstractmethod
    def _more(self) -> dict[str, Any]:
        """Return what a description holds besides layers, domain and card, as plain data."""

    @classmethod
    @abstractmethod
    def _read_more(cls, description: Mapping[str, Any]) -> dict[str, Any]:
        """Return the attributes that stand in `_more`, from a description."""

    @abstractmethod
    def _figures(self, density: Tensor) -> Any:
        """Return what the domain limits of one density; None where there is nothing."""

    @classmethod
    def _find(cls, source: str | Path) -> Path:
        """Return the file of a source."""
        return Path(source)

    @classmethod
    def load(
        cls,
        source: str | Path,
        *,
        outside: str = "warn",
        dtype: torch.dtype = torch.float64,
        device: str | torch.device = "cpu",
    ) -> Self:
        """Read a file of `save`.

        Args:
            source: path of the file; of a `Surrogate` also the name of one that ships with the
                package, see `list_pretrained`.
            outside: what to do with a beam unlike those of training: "warn", "raise" or "ignore".
            dtype: torch.float64, or torch.float32, which is faster; finite differences through it
                need larger steps (1e-3). Files hold single precision.
            device: where it works.

        Raises:
            UnknownNameError: nothing of that name ships.
            InvalidValueError: no such file, or one that is damaged, changed or of another kind; a
                device that cannot be used.
        """
        device = usable(device)
        if not isinstance(source, (str, Path)):
            raise InvalidValueError(f"a {cls._words.said} is a name or a path, not {source!r}")
        path = cls._find(source)
        description, weights, mark = tensorfile.read(
            path, holds=cls._words.holds, said=cls._words.said
        )
        found = cls.from_description(description, weights, str(path)).to(dtype, device)
        return found.replace(outside=outside, about={**found.about, "digest": mark})

    def save(self, path: str | Path) -> str:
        """Write it in single precision, whole or not at all; returns the digest.

        The file holds numbers and a description in JSON; loading it runs nothing.
        """
        weights = self.current_network().to(torch.float32).weights
        return tensorfile.write(Path(path), self.description(), weights, holds=self._words.holds)

    def description(self) -> dict[str, Any]:
        """All but the weights and `outside`, as plain data."""
        return {
            "layers": [record(layer) for layer in self.network.layers],
            **self._more(),
            "domain": None if self.domain is None else dataclasses.asdict(self.domain),
            "about": {k: v for k, v in self.about.items() if k != "digest"},
        }

    @classmethod
    def from_description(
        cls, description: Mapping[str, Any], weights: Weights, source: str = "the description"
    ) -> Self:
        """Make the network of a `description`, with weights by name.

        Raises:
            InvalidValueError: the description lacks something, or the weights do not fit it.
        """
        try:
            layers = tuple(from_record(r) for r in description["layers"])
            # in the order in which the layers use them, as a file has another
            used = dict.fromkeys(name for layer in layers for name in layer.weights())
            ordered = {**{k: weights[k] for k in used if k in weights}, **weights}
            known = description["domain"]
            given: dict[str, Any] = {
                "network": Network(layers, ordered),
                "domain": None if known is None else cls._limits.from_record(known),
                "about": dict(description["about"]),
                **cls._read_more(description),
            }
        except (KeyError, TypeError, AttributeError) as error:
            raise InvalidValueError(
                f"{source} does not describe a {cls._words.said}: {error!r}"
            ) from error
        found = cls(**given)
        found._warn_if_poor()
        return found

    def current_network(self) -> Network:
        """Return the network with its current weights."""
        return self.network

    def replace(self, **changes: Any) -> Self:
        """A copy with some attributes replaced."""
        return dataclasses.replace(self, **changes)  # type: ignore[type-var]

    def to(self, dtype: torch.dtype, device: str | torch.device | None = None) -> Self:
        """The same in another precision or on another device."""
        return self.replace(network=self.current_network().to(dtype, device))

    def _require_outside(self) -> None:
        """Raise UnknownNameError unless `outside` is one of the choices."""
        require_known(f"choice for {self._words.beam}s outside the domain", self.outside, OUTSIDE)

    def _stated_errors(self) -> list[str]:
        """List the errors of the network that its own card states, where they are large."""
        error = stated_error(self.about)
        if error is None or error <= POOR:
            return []
        output, beam = self._words.output, self._words.beam
        own, limit = tell_apart(100 * error, 100 * POOR, digits=2)
        return [
            f"the network's own card states a mean error of the {output} of {own}% on "
            f"held-out {beam}s, more than {limit}%"
        ]

    def _warn_if_poor(self) -> None:
        """Warn of large errors that the card states."""
        for said in self._stated_errors():
            warn(f"{said}; train it longer, or use {self._words.instead}", AccuracyWarning)

    def _watch(self, density: Tensor) -> None:
        """Check a density in a kick; batches and what PyTorch transforms are let pass."""
        if self.domain is None or self.outside == "ignore" or density.dim() != self._dimensions:
            return
        found = None if is_transformed(density) else self._figures(density)
        if found is not None:
            self._refuse_or_warn(self.domain.violations(found, exact=False))

    def _refuse_or_warn(self, violations: Sequence[str]) -> None:
        """Raise for violations of the domain, or warn, as `outside` says."""
        if not violations:
            return
        beam, said, advice = self._words.beam, self._words.said, self._words.advice
        message = f"the {beam} is unlike those that the {said} was trained on: "
        message += "; ".join([*violations, advice])
        if self.outside == "raise":
            raise DomainError(message)
        warn(message, DomainWarning)
