"""One beam on many processes: `torchrun` starts them, and each tracks a part of the particles."""

from __future__ import annotations

from ..beam.communicator import ALONE, World
from .process_group import job
from .scatter_gather import gather, shard

__all__ = ["ALONE", "World", "gather", "job", "shard"]
