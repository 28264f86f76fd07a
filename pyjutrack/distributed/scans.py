"""Scans and ensembles: one function at many points, on any executor, kept in a file as they come.

The file has one line of JSON for what is scanned and one for every point that is done. A scan that
was killed goes on where it was; a line that the end of a process has cut is done again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from functools import partial
from hashlib import blake2b
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Protocol
from uuid import uuid4

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from ..core.atomic import write_text, writing
from ..core.checks import require_callable, require_flag, require_path, require_whole, wrong
from ..core.errors import InvalidValueError, ScanError
from ..core.forks import check_threads
from .outcomes import Outcome, Outcomes

_VERSION = 1
#: letters of an argument that a file shows; of more, a digest
_LONG = 200
#: what comes of reading a file that is none of a scan
_DAMAGED = (ValueError, KeyError, TypeError, AttributeError, OSError, RecursionError)


class Executor(Protocol):
    """An executor of calls elsewhere, as those of `concurrent.futures`.

    `submit` returns a future with `result`, `cancel` and `add_done_callback`.
    """

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Any: ...


def scan(
    function: Callable[[Any], Any],
    points: Iterable[Any],
    *,
    executor: Executor | None = None,
    store: str | Path | None = None,
    threads: int = 1,
    retry: bool = False,
    stop_on_error: bool = False,
    progress: bool = False,
) -> Outcomes:
    """Call a function at every point; an ensemble is a scan over seeds.

    Args:
        function: of one point. It returns what JSON can hold; arrays and tensors become lists.
        points: numbers, strings, lists, dictionaries, arrays: what JSON can hold.
        executor: None calls one after the other in this process. Otherwise anything that submits
            as `concurrent.futures` does: its ProcessPoolExecutor, `client.get_executor()` of dask,
            MPIPoolExecutor of mpi4py.
        store: a file of JSON lines. What it holds is not computed again, after a kill, say. It
            knows the points, the name of the function and what a `functools.partial` binds, and no
            more of it: take another file after a change of the function itself.
        threads: how many cores each call on an executor may use; one in forked processes.
        retry: whether to try again the points at which the function raised.
        stop_on_error: whether the first error of the function ends the scan.
        progress: whether to show a bar.

    Returns:
        One outcome a point, in the order of the points, however they came; `to_pandas()` is a
        table of them.

    Raises:
        InvalidValueError: points that JSON cannot hold, or a file of another scan.
        ScanError: the executor broke, or the function raised and `stop_on_error`. What was
            finished before is in the file.
        WriteError: the disk is full, say. What was finished before is in the file.
    """
    require_callable("function", function, "a function of one point")
    if isinstance(points, (str, bytes, Mapping)) or not isinstance(points, Iterable):
        raise wrong("points", points, "a list of points")
    if executor is not None and (isinstance(executor, type) or not hasattr(executor, "submit")):
        expected = "None, or what submits calls as concurrent.futures does"
        raise wrong("executor", executor, expected)
    if store is not None:
        require_path("store", store)
    require_whole("threads", threads, 1)
    flags = {"retry": retry, "stop_on_error": stop_on_error, "progress": progress}
    for name, flag in flags.items():
        require_flag(name, flag)
    points = _list_points(points)
    head = {"scan": _VERSION, "function": _name(function), "points": _plain_points(points)}
    kept = _read(Path(store), head) if store is not None else {}
    done = {i: o for i, o in kept.items() if not (retry and o["error"] is not None)}
    missing = [i for i in range(len(points)) if i not in done]
    bar = tqdm(total=len(points), initial=len(done), disable=not progress)
    results = _results(function, points, missing, executor, threads)
    with bar, _Lines(store) as lines, closing(results):
        for i, said in results:
            lines.append(i, said)
            done[i] = json.loads(said)
            bar.update()
            if stop_on_error and done[i]["error"] is not None:
                raise ScanError(f"point {i}, {points[i]!r}: {done[i]['error']}")
    return Outcomes(Outcome(point, **done[i]) for i, point in enumerate(points))


def _list_points(points: Iterable[Any]) -> list[Any]:
    try:
        return list(points)
    except TypeError:  # a tensor without dimensions
        raise wrong("points", points, "a list of points") from None


def _results(
    function: Callable[[Any], Any],
    points: Sequence[Any],
    missing: Sequence[int],
    executor: Executor | None,
    threads: int,
) -> Generator[tuple[int, str]]:
    """(point, JSON of what it gave) of all that is missing, as it comes."""
    if executor is None:
        for i in missing:
            yield i, _call(function, points[i])
        return
    ready: SimpleQueue[Any] = SimpleQueue()
    place: dict[Any, int] = {}
    mark = uuid4().hex
    try:
        for i in missing:
            future = executor.submit(_call, function, points[i], threads, f"{mark}-{i}")
            place[future] = i
            future.add_done_callback(ready.put)
        for _ in missing:
            future = ready.get()
            yield place[future], future.result()
    except Exception as error:  # none of the function, which are outcomes: see `_call`
        raise ScanError(
            f"the executor broke: {type(error).__name__}: {error}. What was finished is kept in "
            "the store, if there is one; scan again, with a new executor, for the rest"
        ) from error
    finally:
        for future in place:
            future.cancel()


def _call(
    function: Callable[[Any], Any], point: Any, threads: int | None = None, mark: str = ""
) -> str:
    """Call a function at a point; the result as JSON. PyTorch runs on a few threads.

    `mark` is another in every call, for executors that take equal calls for one, as Dask's does.
    """
    before = torch.get_num_threads()
    try:
        if threads is not None:
            torch.set_num_threads(threads)
            check_threads()
        return json.dumps({"value": function(point), "error": None}, default=_plain)
    except Exception as error:
        return json.dumps({"value": None, "error": f"{type(error).__name__}: {error}"})
    finally:
        torch.set_num_threads(before)


def _plain(thing: Any) -> Any:
    if isinstance(thing, Tensor):
        return thing.detach().cpu().tolist()
    if isinstance(thing, (np.ndarray, np.generic)):
        return thing.tolist()
    raise TypeError(f"JSON cannot hold a {type(thing).__name__}: {thing!r}")


def _plain_points(points: list[Any]) -> list[Any]:
    """Points as they come back from a file."""
    try:
        plain: list[Any] = json.loads(json.dumps(points, default=_plain))
    except (TypeError, ValueError) as error:
        raise InvalidValueError(f"points must be what JSON can hold: {error}") from error
    return plain


def _name(function: Callable[..., Any]) -> str:
    """A name that is the same in the next process, from wherever the function is imported."""
    if isinstance(function, partial):
        bound = [*map(_argument, function.args)]
        bound += [f"{name}={_argument(given)}" for name, given in function.keywords.items()]
        return f"{_name(function.func)}({', '.join(bound)})"
    return getattr(function, "__qualname__", type(function).__qualname__)


def _argument(given: Any) -> str:
    """An argument of a `partial`, as JSON; of what that cannot hold, the kind alone."""
    if isinstance(given, os.PathLike):
        given = os.fspath(given)
    try:
        said = json.dumps(given, default=_plain)
    except (TypeError, ValueError):
        return type(given).__name__
    return said if len(said) <= _LONG else blake2b(said.encode(), digest_size=16).hexdigest()


def _read(path: Path, head: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """Read the results of this scan from a file, by point; begin a new file if there is none.

    Raises:
        InvalidValueError: it is no file of this scan.
    """
    if not path.exists():
        write_text(path, json.dumps(head) + "\n")
        return {}
    try:
        whole = path.read_bytes()
        end = whole.rfind(b"\n") + 1
        first, *lines = [json.loads(line) for line in whole[:end].splitlines()]
        found = {line.pop("point"): line for line in lines}
        same = [_same(first[key], head[key]) for key in ("scan", "function", "points")]
    except _DAMAGED as error:
        raise InvalidValueError(f"{path} is no file of a scan; take another name") from error
    if not all(same):
        raise InvalidValueError(f"{path} is of another scan: {_differ(first, head)}")
    if end < len(whole):
        with writing(path):  # the line that was being written when the process was killed
            os.truncate(path, end)
    return found


def _same(a: Any, b: Any) -> bool:
    """Return whether two things are alike in JSON, where NaN is alike to NaN."""
    return json.dumps(a) == json.dumps(b)


def _differ(first: dict[str, Any], head: dict[str, Any]) -> str:
    """Say how the scan of a file differs from the one that is asked for."""
    remedy = "; take another file, or remove this one"
    for key in ("scan", "function"):
        if first[key] != head[key]:
            return f"its {key} is {first[key]!r}, not {head[key]!r}{remedy}"
    ours, theirs = head["points"], first["points"]
    if len(ours) != len(theirs):
        return f"it has {len(theirs)} points, not {len(ours)}{remedy}"
    i = next(i for i, (a, b) in enumerate(zip(ours, theirs, strict=True)) if not _same(a, b))
    return f"its point {i} is {theirs[i]!r}, not {ours[i]!r}{remedy}"


class _Lines:
    """The end of a file of a scan, to which lines are added whole; nothing without a file."""

    def __init__(self, store: str | Path | None) -> None:
        self._path = None if store is None else Path(store)
        self._file = None
        if self._path is not None:
            with writing(self._path):
                self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND)

    def append(self, i: int, said: str) -> None:
        if self._file is None or self._path is None:
            return
        line = f'{{"point": {i}, {said[1:]}\n'.encode()
        with writing(self._path):
            while line:
                line = line[os.write(self._file, line) :]
            os.fsync(self._file)

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            os.close(self._file)
