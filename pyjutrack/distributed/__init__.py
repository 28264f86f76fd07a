"""One beam on many processes: `torchrun` starts them, and each tracks a part of the particles."""

from __future__ import annotations

from ..beam.communicator import ALONE, World
from .job import job
from .sharing import gather, shard

__all__ = ["ALONE", "World", "gather", "job", "shard"]
