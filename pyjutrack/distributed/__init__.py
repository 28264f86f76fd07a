"""Work on many processes: one beam on the ranks of a job, and scans of many points."""

from __future__ import annotations

from ..beam.communicator import SERIAL, Communicator
from .jobs import job
from .outcomes import Outcome, Outcomes
from .scans import scan
from .scatter_gather import gather, shard

__all__ = ["SERIAL", "Communicator", "Outcome", "Outcomes", "gather", "job", "scan", "shard"]


def __dir__() -> list[str]:
    return __all__
