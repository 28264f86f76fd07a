"""Jobs of many ranks: how they were started, how they meet, and part."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager

from ..beam.communicator import SERIAL, Communicator
from ..core.devices import usable
from ..core.errors import InvalidValueError, RankError
from .mpi import MPIRanks
from .process_group import TorchRanks

#: where launchers of MPI say how many ranks they have started
_SIZES = {
    "OMPI_COMM_WORLD_SIZE": "mpirun of Open MPI",
    "PMI_SIZE": "mpiexec of MPICH or Intel MPI",
    "SLURM_STEP_NUM_TASKS": "srun",
    "JSM_NAMESPACE_SIZE": "jsrun",
    "FLUX_JOB_SIZE": "flux run",
}
_BACKENDS = ("mpi", "torch")


@contextmanager
def job(
    *,
    backend: str | None = None,
    device: str = "cpu",
    timeout: float = 60.0,
    init_method: str = "env://",
) -> Iterator[Communicator]:
    """Meet the other ranks of a job, and part from them at the end.

    `mpirun`, `mpiexec` and `srun` have started it with MPI, `torchrun` with torch.distributed.
    Where neither has, and in a job of a single rank, this process is alone, and all goes as
    without it. A rank that raises, dies or does not come ends the wait of all others with an error
    that says which and why.

    Args:
        backend: "mpi" or "torch"; None takes that of the launcher, as its environment says.
        device: "cpu" (gloo), or "cuda" (NCCL; the rank takes the GPU of its local number), of
            "torch".
        timeout: how long ranks wait for one that does not come [s]. Not at the end of the job:
            there they wait for each other as long as it takes.
        init_method: where the ranks of "torch" meet, as in `torch.distributed.init_process_group`.

    Yields:
        The `Communicator` of the job, to `shard` beams among.

    Raises:
        RankError: another rank is gone, or they did not meet.
        InvalidValueError: no such back end or device, a time that is not positive, launchers that
            do not agree, an environment that says WORLD_SIZE without RANK, or torch.distributed is
            initialised already.
        MissingPackageError: MPI has started the job, and mpi4py or its MPI is not there.
    """
    if not (math.isfinite(timeout) and timeout > 0):
        raise InvalidValueError(f"timeout must be positive, got {timeout} s")
    usable(device)
    ranks = _meet(backend, device, timeout, init_method)
    if ranks is None:
        yield SERIAL
        return
    try:
        yield Communicator(ranks.rank, ranks.size, ranks=ranks)
        ranks.finish()
    except BaseException as error:
        if isinstance(error, SystemExit) and not error.code:
            ranks.finish()
            raise
        known = isinstance(error, RankError)
        name = type(error).__name__
        ranks.leave(str(error) if known else f"rank {ranks.rank} has stopped with {name}: {error}")
        raise


def _meet(
    backend: str | None, device: str, timeout: float, init_method: str
) -> MPIRanks | TorchRanks | None:
    """Meet the ranks of a job; None without one, and in a job of one rank."""
    if backend not in (None, *_BACKENDS):
        raise InvalidValueError(f"backend must be None or one of {_BACKENDS}, got {backend!r}")
    by_torch = _size("WORLD_SIZE", "torchrun")
    by_mpi = {variable: _size(variable, launcher) for variable, launcher in _SIZES.items()}
    launched = {variable: size for variable, size in by_mpi.items() if size > 1}
    agreed = "TORCHELASTIC_RUN_ID" in os.environ or by_torch in launched.values()
    if backend is None and by_torch > 1 and launched and not agreed:
        variable, size = next(iter(launched.items()))
        raise InvalidValueError(
            f"{variable} says {size} ranks, of {_SIZES[variable]}, and WORLD_SIZE {by_torch}, of "
            "torchrun; give job(backend='mpi') or 'torch'"
        )
    if backend == "torch" or (backend is None and by_torch > 1):
        return TorchRanks(device, timeout, init_method) if by_torch > 1 else None
    if backend is None and not launched:
        return None
    if device != "cpu":
        raise InvalidValueError(
            f"device={device!r} is of jobs that torchrun starts; with MPI take device='cpu' and "
            "beams on the GPU: what they sum goes by the memory of the host"
        )
    ranks = MPIRanks(next(iter(launched.values()), None), timeout)
    return ranks if ranks.size > 1 else None


def _size(variable: str, launcher: str) -> int:
    text = os.environ.get(variable, "1")
    if not text.isdecimal():
        raise InvalidValueError(
            f"the environment says {variable}={text}, by which {launcher} counts its ranks"
        )
    return int(text)
