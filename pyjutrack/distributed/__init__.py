"""Work on many processes: one beam on ranks that `torchrun` starts, and scans of many points."""

from __future__ import annotations

from ..beam.communicator import ALONE, World
from .process_group import job
from .scans import Outcome, scan
from .scatter_gather import gather, shard

__all__ = ["ALONE", "Outcome", "World", "gather", "job", "scan", "shard"]
