"""The intensity that an effect acts by: current of a coasting beam, or charge of a bunch."""

from __future__ import annotations

from ..beam.beam import Beam
from ..core.errors import InvalidValueError
from ..core.scalars import vanishes
from ..core.settings import show
from ..core.unstated import is_stated
from .base import CollectiveEffect


def require_current(beam: Beam, effect: CollectiveEffect) -> None:
    """Raise InvalidValueError for a bunch where an effect is of coasting beams, and for no current.

    A current of 0.0 that was given is one.

    Args:
        beam: that an effect is to act on.
    """
    if not vanishes(beam.charge):
        raise InvalidValueError(
            f"{type(effect).__name__} acts on a coasting beam, which has a current [A]; this beam "
            f"is a bunch, with a charge of {show(beam.charge)} C"
        )
    if not is_stated(beam.current):
        raise InvalidValueError(
            f"{type(effect).__name__} acts by the current of a coasting beam [A], and this beam "
            "was given none: Beam(..., current=); give current=0.0 where zero is meant"
        )


def require_charge(beam: Beam, effect: CollectiveEffect) -> None:
    """Raise InvalidValueError for a coasting beam where an effect is of bunches, and for no charge.

    A charge of 0.0 that was given is one.
    """
    if not vanishes(beam.current):
        raise InvalidValueError(
            f"{type(effect).__name__} acts on a bunch, which has a charge [C]: Beam(..., charge=); "
            f"this beam is coasting, with a current of {show(beam.current)} A"
        )
    if not is_stated(beam.charge):
        raise InvalidValueError(
            f"{type(effect).__name__} acts by the charge of a bunch [C], and this beam was given "
            "none: Beam(..., charge=); give charge=0.0 where zero is meant"
        )
