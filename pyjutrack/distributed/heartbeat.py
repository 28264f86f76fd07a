"""Signs of life between the ranks of a job, so that none waits for one that is gone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

from torch.distributed.distributed_c10d import Store, Work

from ..core.errors import RankError

#: between two signs of life [s]; a shorter patience has them follow faster
_BEAT = 0.5
#: signs left out until a rank is taken for dead: whose connection broke
_FEW = 4


class Peers:
    """The other ranks of a job.

    A thread counts up a number of this rank in the store where the ranks met, and, while this rank
    waits for others, looks whether theirs still change. A rank that leaves writes why instead.

    Args:
        store: where the ranks met.
        patience: how long a number may stand still [s].
    """

    def __init__(self, store: Store, rank: int, size: int, patience: float) -> None:
        self._patience = patience
        self._beat = min(_BEAT, patience / 10)
        self._keys = [f"signs of rank {r}" for r in range(size)]
        self._rank = rank
        # a connection of its own, which no other keeps waiting
        self._store: Store = store.clone()  # type: ignore[attr-defined]
        self._store.set(self._keys[rank], "0")
        self._watched = _Signs()
        self._wanted, self._over = threading.Event(), threading.Event()
        self._deaf = False  # the store is gone
        self._thread = threading.Thread(target=self._beat_on, name="signs of life", daemon=True)

    def start(self) -> None:
        """Start the signs of life, once all ranks have met."""
        self._thread.start()

    def leave(self, why: str) -> None:
        """Give no more signs of life, and send the reason to ranks that wait."""
        self._over.set()
        self._thread.join(_FEW * self._beat)
        if not self._thread.is_alive():
            self._write(why)

    def wait(self, done: Callable[[float], bool]) -> None:
        """Wait for what all ranks do together.

        Args:
            done: whether it has come to its end within some seconds; RuntimeError if it has failed.

        Raises:
            RankError: one of them is gone, or does not come.
        """
        try:
            if done(self._beat):
                return
            self._watched = watched = _Signs()
            self._wanted.set()
            try:
                while not done(self._beat):
                    # a rank that has left may have sent its last part before
                    self._raise_if_lost(watched, round(self._patience / self._beat), _FEW)
            finally:
                self._wanted.clear()
        except RuntimeError as error:
            raise RankError(self._explain_failure(error)) from error

    def _raise_if_lost(self, watched: _Signs, silence: int, absence: int) -> None:
        """Raise RankError if a rank has given no sign, or had left, for so many beats."""
        watched.asked += 1
        if self._deaf or watched.asked - watched.looks > max(silence, _FEW):
            raise RankError(
                "the store where the ranks met does not answer any more; the process that keeps "
                "it, which is rank 0 or torchrun, has died or is stopped"
            )
        for rank, beats in watched.still.items():
            sign = watched.signs[rank]
            if sign.isdecimal() and beats > silence:
                raise RankError(
                    f"rank {rank} has given no sign of life for {beats * self._beat:.3g} s: it, "
                    "or its machine, has died or is stopped"
                )
            if not sign.isdecimal() and beats >= absence:
                raise RankError(sign)

    def _explain_failure(self, error: RuntimeError) -> str:
        """Say why a collective call has failed, as far as the ranks' signs of life show."""
        self._watched = watched = _Signs()
        self._wanted.set()
        try:
            for _ in range(3 * _FEW):
                self._raise_if_lost(watched, silence=_FEW, absence=0)
                self._over.wait(self._beat)
        except RankError as found:
            return str(found)
        finally:
            self._wanted.clear()
        return f"the ranks have lost each other, though all are alive: {str(error).splitlines()[0]}"

    def _beat_on(self) -> None:
        beats = 0
        while not self._deaf and not self._over.wait(self._beat):
            beats += 1
            self._write(str(beats))
            if self._wanted.is_set():
                self._read_signs(self._watched)

    def _write(self, text: str) -> None:
        try:
            self._store.set(self._keys[self._rank], text)
        except RuntimeError:
            self._deaf = True

    def _read_signs(self, watched: _Signs) -> None:
        """Note which ranks' number stands still, and which have left."""
        try:
            for rank, key in enumerate(self._keys):
                if rank == self._rank:
                    continue
                sign = self._store.get(key).decode()
                moved = sign != watched.signs.get(rank)
                watched.still[rank] = 0 if moved else watched.still[rank] + 1
                watched.signs[rank] = sign
            watched.looks = watched.asked
        except RuntimeError:
            self._deaf = True


class _Signs:
    """Signs of the other ranks that were seen during one wait.

    Counted in looks and not by a clock: a process that was itself held up for a while has looked
    no more often than the others gave signs.
    """

    def __init__(self) -> None:
        self.asked = 0  # how often the waiting thread asked
        self.looks = 0  # what that was at the last look that the store has answered
        self.signs: dict[int, str] = {}
        self.still: dict[int, int] = {}  # for how many looks a sign has been the same


def wait_until_done(work: Work, seconds: float) -> bool:
    """Wait for work to end; False if it takes longer than some seconds.

    Raises:
        RuntimeError: it has failed.
    """
    try:
        work.wait(timedelta(seconds=seconds))
    except RuntimeError:
        if not work.is_completed():
            return False
        work.wait()  # which raises if it has failed, and not if it was just now done
    return True
