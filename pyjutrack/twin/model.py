"""The twin of a machine: settings in, readings out."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..beam import initial_moments
from ..beam.beam import Beam
from ..collective.base import CollectiveEffect, require_effects
from ..core.checks import wrong
from ..core.errors import InvalidValueError, unknown
from ..core.scalars import has_numbers
from ..core.settings import say_how
from ..core.storage import storable
from ..core.tensors import active, tensors_in
from ..core.transforms import disable_compile
from ..core.unstated import is_stated
from ..diagnostics import Diagnostic
from ..lattice.knobs import CHARGE, CURRENT, overlay
from ..lattice.lattice import Lattice
from ..tracking.loss_warning import warn_if_differentiable, warn_of_effects
from ..tracking.observation import observe_beams, position
from ..tracking.plan import plan_of
from ..tracking.task import Task, task_of
from .serialization import Saved
from .unknowns import Unknown, apply_unknowns, reshape_values

Settings = Mapping[str, float | Tensor | Sequence[float] | NDArray[Any]]


@storable
@dataclass(frozen=True, eq=False)
class Twin(Saved):
    """A model of a machine with its diagnostics, and how it differs from its settings.

    Attributes:
        lattice, beam, effects: as for `track`.
        diagnostics: what is read, and where; each has a name of its own.
        unknowns: errors of the machine with their present values, as `calibrate` found them.

    Raises:
        InvalidValueError: no diagnostics, or two of one name. UnknownNameError: one of them, or an
            effect, that stands at no element of the lattice.

    Example:
        >>> twin = pj.Twin(line, beam, [pj.diagnostics.BeamPosition("bpm1", noise=1e-5)])
        >>> twin.predict({"q1.k1": 4.0})
    """

    lattice: Lattice
    beam: Beam
    diagnostics: tuple[Diagnostic, ...]
    effects: tuple[CollectiveEffect, ...] = ()
    unknowns: tuple[Unknown, ...] = ()

    def __post_init__(self) -> None:
        for name in ("diagnostics", "effects", "unknowns"):
            given: Any = getattr(self, name)
            single = isinstance(given, Tensor) and not given.dim()
            if isinstance(given, str) or not isinstance(given, Iterable) or single:
                raise InvalidValueError(f"{name} must be a list, got {given!r}")
            object.__setattr__(self, name, tuple(given))
        for name, kind in (("lattice", Lattice), ("beam", Beam)):
            if not isinstance(getattr(self, name), kind):
                raise InvalidValueError(
                    f"{name} must be a {kind.__name__}, got {getattr(self, name)!r}"
                )
        require_effects(self.effects)
        if not self.diagnostics:
            raise InvalidValueError("a twin without diagnostics predicts nothing; give it some")
        for diagnostic in self.diagnostics:
            if not isinstance(diagnostic, Diagnostic):
                raise InvalidValueError(
                    f"diagnostics must be instruments of `pyjutrack.diagnostics`, got "
                    f"{diagnostic!r}"
                )
        names = [d.name for d in self.diagnostics]
        if len(set(names)) < len(names):
            twice = next(n for n in names if names.count(n) > 1)
            raise InvalidValueError(f"two diagnostics are named {twice!r}; give each its own name")
        for diagnostic in self.diagnostics:
            position(self.lattice, diagnostic.at)
        plan_of(self.lattice, self.effects)
        if self.unknowns:
            # settings may give a current or a charge, of which there is none yet
            stated = any(map(is_stated, self.beam.intensity))
            task = self._design_task({} if stated else {"beam.current": 0.0, "beam.charge": 0.0})
            object.__setattr__(self, "unknowns", tuple(reshape_values(self.unknowns, task)))

    def replace(self, **changes: Any) -> Twin:
        """A copy with some attributes changed, which are given as `changes` by name."""
        return dataclasses.replace(self, **changes)

    def export_onnx(self, path: str | Path, settings: Sequence[str]) -> None:
        """Write what it predicts as a function of settings, in double precision, as ONNX.

        The graph has a number for each address that goes in, and a reading for each diagnostic
        that comes out. All else stands in it as numbers: the other knobs, the unknowns at their
        values, and the particles of the beam. Metadata state the settings as designed, and noises.

        Args:
            path: of the file, which is written whole or not at all.
            settings: addresses, such as "q1.k1".

        Raises:
            UnknownNameError: no such knob.
            InvalidValueError: no settings; something that no runtime has in double precision, the
                expectation of `LossCount` or a network in the solver's place that is not in
                single precision.
            MissingPackageError: the package `onnx` is missing.
        """
        from .onnx_export import export

        export(self, path, settings)

    def diagnostic(self, name: str) -> Diagnostic:
        """One of the diagnostics.

        Raises:
            UnknownNameError: there is none of that name.
        """
        for diagnostic in self.diagnostics:
            if diagnostic.name == name:
                return diagnostic
        raise unknown("diagnostic", name, [d.name for d in self.diagnostics])

    @disable_compile
    def predict(self, settings: Settings | None = None) -> dict[str, NDArray[np.float64]]:
        """Predict the readings of the diagnostics at some settings, without noise.

        Args:
            settings: address to value, of a vector of weights a tensor, an array or a list; what is
                not named stands as in the lattice. Of a knob of the lattice also many values, (B,),
                predicted at once.

        Returns:
            Name of the diagnostic to its reading, of many settings with their dimensions first.

        Raises:
            UnknownNameError: no such knob. InvalidValueError: as for `track`.
        """
        with torch.no_grad():
            found = self.read({} if settings is None else settings)
        return {name: reading.numpy() for name, reading in found.items()}

    @disable_compile
    def read(
        self,
        settings: Settings,
        values: Sequence[Tensor] | None = None,
        names: Sequence[str] | None = None,
    ) -> dict[str, Tensor]:
        """The same as tensors, differentiable in the settings and the values of the unknowns.

        Args:
            settings: address to value, floats or 0-d tensors; of weights as for `predict`.
            values: of the unknowns, in their order; their own if None.
            names: which diagnostics; all if None.

        Warns:
            LossWarning: the readings carry derivatives, and particles were lost before at sharp
                edges: which ones is held fixed. Soft apertures are part of a derivative; see
                `Aperture`.
        """
        found, beams = self.read_quietly(settings, values, names)
        if self.effects:
            warn_of_effects(self.machine(settings, values), beams)
        warn_if_differentiable(self.beam, beams)
        return found

    def read_quietly(
        self,
        settings: Settings,
        values: Sequence[Tensor] | None = None,
        names: Sequence[str] | None = None,
    ) -> tuple[dict[str, Tensor], list[Beam]]:
        """`read` at `settings`, `values` and `names`, silent of losses, and the beams read."""
        task = self.machine(settings, values)
        wanted = self.diagnostics if names is None else [self.diagnostic(n) for n in names]
        beams = observe_beams(task, [d.at for d in wanted], once=torch.is_grad_enabled())
        return {d.name: d.read(beams[d.at]) for d in wanted}, list(beams.values())

    def machine(self, settings: Settings, values: Sequence[Tensor] | None = None) -> Task:
        """Lattice, beam and effects as they are at some settings, errors put in.

        Args:
            settings, values: as for `read`.
        """
        values = [u.tensor() for u in self.unknowns] if values is None else values
        task = apply_unknowns(self._set(settings), self.unknowns, values)
        if all(map(has_numbers, tensors_in((*settings.values(), *values)))):
            return self._in_floats(task)
        return task

    def task(self, settings: Settings) -> Task:
        """Make the task of a tracking at some settings, before errors are put in."""
        task = self._set(settings)
        if any(isinstance(v, Tensor) for v in settings.values()):
            return task
        return self._in_floats(task)

    def _set(self, settings: Settings) -> Task:
        """Set knobs, as tensors in the lattice."""
        if not isinstance(settings, Mapping):
            raise wrong("settings", settings, "a dictionary of address to value")
        if not settings:
            return self._design_task(settings)
        numbers = [_number(address, value) for address, value in settings.items()]
        return overlay(self._design_task(settings), list(settings), numbers)

    def _in_floats(self, task: Task) -> Task:
        """The same with floats in the lattice, which compiled programs need.

        Where gradients by tensors of the lattice may be asked for, they stay.
        """
        if torch.is_grad_enabled() and self._active:
            return task
        return dataclasses.replace(task, lattice=task.lattice.detach())

    @property
    def _active(self) -> bool:
        """Return whether tensors of the lattice require gradients now."""
        return bool(active(self.lattice))

    def _design_task(self, settings: Settings) -> Task:
        """The task of the tracking as designed: checked once, for all settings.

        A current or a charge that settings or unknowns give need not be given to the beam; one
        that is a share of it gives none.
        """
        moved = {*settings, *(u.address for u in self.unknowns if not getattr(u, "relative", True))}
        named = tuple(name for name in ("current", "charge") if f"beam.{name}" in moved)
        named = tuple(name for name in named if not is_stated(getattr(self.beam, name)))
        if named not in self._tasks:
            beam = self.beam.replace(**dict.fromkeys(named, 0.0))
            self._tasks[named] = task_of(self.lattice, beam, self.effects, 1)
        return self._tasks[named]

    @cached_property
    def _tasks(self) -> dict[tuple[str, ...], Task]:
        return {}


def _number(address: str, value: Any) -> Tensor:
    """A setting as a tensor, checked where it is a plain number."""
    if isinstance(value, Tensor):
        return value.to(torch.float64)
    if isinstance(value, (Sequence, np.ndarray)) and not isinstance(value, str) and np.ndim(value):
        return _vector(address, value)
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise InvalidValueError(f"{address} must be a number, got {value!r}") from error
    if address in initial_moments.KNOBS:
        initial_moments.require_possible(address, number)
    if address in (CURRENT, CHARGE) and not 0 <= number < math.inf:
        raise InvalidValueError(f"{address} must be finite and not negative, got {number}")
    return torch.tensor(number, dtype=torch.float64)


def _vector(address: str, value: Any) -> Tensor:
    """A setting of weights, or many of one number of the lattice."""
    if address in (CURRENT, CHARGE, *initial_moments.KNOBS):
        raise wrong(address, value, "a number", say_how(value))
    if any(isinstance(entry, Tensor) for entry in value):
        raise wrong(address, value, "one tensor, or numbers", "take torch.stack(...)")
    try:
        return torch.tensor(np.asarray(value, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise wrong(address, value, "a vector of numbers") from error
