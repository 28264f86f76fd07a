"""The limits of what a network was trained on, and what lies beyond them, in words."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple, Self

from ..core.digits import tell_apart
from ..core.errors import InvalidValueError


class Check(NamedTuple):
    """A figure of a beam held against a limit of training."""

    what: str
    value: float
    side: Literal["below", "above"]
    limit: float
    unit: str = ""

    @property
    def fails(self) -> bool:
        """Return whether the figure lies on the wrong side of the limit."""
        return self.value < self.limit if self.side == "below" else self.value > self.limit

    def say(self, exact: bool) -> str:
        """Say so in words, with the figure itself or without."""
        if not exact:
            return f"{self.what} {self.side} the {self.limit:.3g}{self.unit} of training"
        value, limit = tell_apart(self.value, self.limit, digits=3)
        mine = f"{self.what} of {value}{self.unit}"
        return f"{mine} {self.side} the {limit}{self.unit} of training"


class Limits(ABC):
    """The limits within which nearly all beams of a training set lie: a frozen dataclass.

    Attributes:
        particles: fewest macroparticles.
    """

    particles: int

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """The domain of plain data, such as `dataclasses.asdict` makes.

        Raises:
            InvalidValueError: fields that a domain does not have, or lacks.
        """
        names = {f.name for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
        if set(record) != names:
            raise InvalidValueError(f"a domain has {sorted(names)}, not {sorted(record)}")
        plain = {k: tuple(v) if isinstance(v, list) else v for k, v in record.items()}
        return cls(**plain)

    @abstractmethod
    def checks(self, figures: Any) -> Iterable[Check]:
        """Yield what to hold against the limits."""

    def violations(self, figures: Any, *, exact: bool = True) -> list[str]:
        """Say how a beam lies outside, in words with figures; empty if it does not.

        Args:
            figures: of the beam.
            exact: whether to state the beam's own figures; without them a beam that keeps changing
                complains in the same words all the time, which Python warns of once.
        """
        return [check.say(exact) for check in self.checks(figures) if check.fails]

    def violations_of_any(self, beams: Iterable[Any]) -> list[str]:
        """Say how any of several beams lies outside, each complaint once, by their figures."""
        return list(dict.fromkeys(v for figures in beams for v in self.violations(figures)))

    def too_few(self, particles: int) -> list[str]:
        """Say that there are fewer macroparticles than in training; empty if there are not."""
        if particles >= self.particles:
            return []
        return [f"{particles} macroparticles below the {self.particles} of training"]
