"""The watch over the ranks of a job, so that none waits for one that is gone."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol, TypeVar

from ..core.errors import RankError

T = TypeVar("T")

#: how long to wait for all ranks to come: they import at their own pace [s]
MEETING = 180.0
#: of a wait, until this rank looks what others have written, and between looks [s]
_LOOK = 0.5
#: looks for the answers to a call of the roll
_ANSWERS = 4
#: naps at the end of a job, from and to [s]
_NAPS = 1e-4, 0.05
#: for the last rank to leave [s]
_PARTING = 3.0
#: of a reason [letters]: so short that it is sent at once
_LONGEST = 2000


class Notes(Protocol):
    """What ranks write to each other beside their work."""

    def write(self, text: str) -> None:
        """Write to all other ranks, without waiting for them."""
        ...

    def read(self) -> list[tuple[int, str]]:
        """What others have written since the last time, each with its rank."""
        ...


class Watch:
    """What this rank knows of the others of its job.

    Args:
        timeout: how long to wait for a rank that does not come [s].
    """

    def __init__(self, rank: int, size: int, notes: Notes, timeout: float) -> None:
        self._rank = rank
        self._others = [other for other in range(size) if other != rank]
        self._notes, self._timeout = notes, timeout
        self._turn = 0  # of the collective calls, which all ranks make in the same order
        self._waiting: dict[int, int] = {}  # in which turn a rank was heard to wait
        self._left: dict[int, str] = {}  # why a rank has left, before the end of the job
        self._finished: dict[int, int] = {}  # after which turn
        self._gone: set[int] = set()  # it needs the others no more

    def wait(self, start: Callable[[], T], ended: Callable[[T, float], bool]) -> None:
        """Wait for what all ranks do together.

        Args:
            start: begins it, and returns what stands for it.
            ended: whether that has come to its end within some seconds. Both raise RuntimeError if
                it failed.

        Raises:
            RankError: one of them has raised, is gone, or does not come.
        """
        self._turn += 1
        looks = 0
        begun: list[T] = []

        def done(seconds: float) -> bool:
            if not begun:
                begun.append(start())
            return ended(begun[0], seconds)

        try:
            while not done(_LOOK):
                looks += 1
                self._look()
                self._raise_if_finished()
                # a rank that has left may have sent its last part before
                if self._left and not done(_LOOK):
                    raise RankError(next(iter(self._left.values())))
                asked = self._turn in self._waiting.values()
                late = looks * _LOOK >= self._timeout
                if (asked or late) and self._call_the_roll(done, f"within {looks * _LOOK:g} s"):
                    return
        except RuntimeError as error:
            said = re.sub(r"^\[\S*\] ", "", str(error).splitlines()[0])  # without a file of gloo's
            self._call_the_roll(_never, f"any more ({said})")

    def finish(self) -> None:
        """Wait until all ranks have come to the end of the job, however long that takes.

        Raises:
            RankError: one of them has raised.
        """
        self._write(f"finished {self._turn}")
        self._wait_for(lambda: bool(self._left) or len(self._finished) == len(self._others))
        if self._left:
            raise RankError(next(iter(self._left.values())))
        self.part()

    def leave(self, why: str) -> None:
        """Let the others know why this rank takes part no more, if there is a way."""
        with suppress(RankError):
            self._write(f"left {why[:_LONGEST]}")

    def part(self) -> None:
        """Wait until the others need this process no more, for a few seconds at most."""
        with suppress(RankError):  # the one that kept the notes was the first to go
            self._write("gone")
            self._wait_for(lambda: len(self._gone) == len(self._others), _PARTING)

    def _wait_for(self, over: Callable[[], bool], seconds: float = math.inf) -> None:
        began, nap = time.monotonic(), _NAPS[0]
        while not over() and time.monotonic() - began < seconds:
            time.sleep(nap)
            nap = min(2 * nap, _NAPS[1])
            self._look()

    def _call_the_roll(self, done: Callable[[float], bool], when: str) -> bool:
        """Ask all who wait as this rank does to say so; whether the wait is over after all.

        Raises:
            RankError: that names those who do not answer.
        """
        self._write(f"waiting {self._turn}")
        silent = self._others
        for _ in range(_ANSWERS):
            if done(_LOOK):
                return True
            self._look()
            if self._left:
                raise RankError(next(iter(self._left.values())))
            heard = {**self._waiting, **self._finished}
            silent = [r for r in self._others if heard.get(r, -1) < self._turn]
        if not silent:
            raise RankError(
                "all ranks wait for each other: they have asked for different things. What "
                "concerns the whole beam is asked by every rank, and in the same order"
            )
        names = ", ".join(map(str, silent))
        one = len(silent) == 1
        raise RankError(
            f"{'rank' if one else 'ranks'} {names} {'has' if one else 'have'} not come {when}: "
            "dead, stopped, in an endless loop, or at work for longer than the other ranks wait; "
            f"job(timeout={self._timeout:g}) sets that"
        )

    def _raise_if_finished(self) -> None:
        """Raise RankError if a rank has finished, and will not take part in this turn."""
        for rank, turn in self._finished.items():
            if turn < self._turn:
                raise RankError(
                    f"rank {rank} has finished already. Every rank must take part in whatever "
                    "concerns the whole beam, its moments for instance: compute on all ranks, "
                    "print on one"
                )

    def _look(self) -> None:
        """Read what others have written."""
        try:
            notes = self._notes.read()
        except RuntimeError as error:
            raise RankError(_DEAF) from error
        for rank, note in notes:
            kind, _, text = note.partition(" ")
            if kind == "waiting":
                self._waiting[rank] = int(text)
            elif kind == "left":
                self._left[rank] = text
            elif kind == "finished":
                self._finished[rank] = int(text)
            else:
                self._gone.add(rank)

    def _write(self, text: str) -> None:
        try:
            self._notes.write(text)
        except RuntimeError as error:
            raise RankError(_DEAF) from error


_DEAF = (
    "the ranks do not hear each other any more; the process through which they write to each "
    "other, rank 0 or the launcher, has died or is stopped"
)


def _never(seconds: float) -> bool:
    time.sleep(seconds)
    return False
