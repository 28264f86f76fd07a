"""Scans: in order, on executors, kept, resumed after kills."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from time import sleep

import numpy as np
import pytest
import scan_points
import torch

import pyjutrack as pj

HERE = Path(__file__).parent


def calls(log):
    return [int(line) for line in log.read_text().split()]


def test_outcomes_in_the_order_of_the_points():
    found = pj.distributed.scan(lambda p: {"twice": 2 * p}, [3.5, -1.0, 2.0])
    assert [o.point for o in found] == [3.5, -1.0, 2.0]
    assert [o.value for o in found] == [{"twice": 7.0}, {"twice": -2.0}, {"twice": 4.0}]
    assert all(o.error is None for o in found)


def test_values_are_the_same_from_a_file_bit_by_bit(tmp_path):
    """An ensemble of beams, first computed and then read."""
    store = tmp_path / "seeds.jsonl"
    first = pj.distributed.scan(scan_points.momenta, range(3), store=store)
    read = pj.distributed.scan(scan_points.momenta, range(3), store=store)
    assert read == first
    assert len({tuple(o.value) for o in first}) == 3
    for seed, outcome in enumerate(first):
        assert outcome.value == scan_points.momenta(seed).tolist()


def test_an_executor_gives_the_same_whatever_comes_first():
    """The first points take longest, and each call has the threads that it may have."""
    points = list(range(6))

    def late_first(point):
        sleep(0.05 * (5 - point))
        return [point**3, torch.get_num_threads()]

    before = torch.get_num_threads()
    for threads in (1, 2):
        with ThreadPoolExecutor(6) as pool:
            found = pj.distributed.scan(late_first, points, executor=pool, threads=threads)
        assert [o.value for o in found] == [[p**3, threads] for p in points]
    assert torch.get_num_threads() == before
    assert [o.value[1] for o in pj.distributed.scan(late_first, [5])] == [before]


def test_a_point_that_fails_is_recorded_and_the_rest_goes_on(tmp_path):
    store = tmp_path / "scan.jsonl"
    found = pj.distributed.scan(scan_points.square, range(5), store=store)
    assert [o.error for o in found] == [None] * 3 + ["ValueError: three is not allowed", None]
    assert found[3].value is None
    assert found[4].value["square"] == 16.0
    assert pj.distributed.scan(scan_points.square, range(5), store=store) == found


def test_failures_may_be_tried_again(tmp_path):
    store, log = tmp_path / "scan.jsonl", tmp_path / "log"

    def fragile(point):
        with log.open("a") as file:
            file.write(f"{point}\n")
        if point == 2 and calls(log).count(2) == 1:
            raise RuntimeError("not yet")
        return point

    assert pj.distributed.scan(fragile, range(4), store=store)[2].error == "RuntimeError: not yet"
    again = pj.distributed.scan(fragile, range(4), store=store, retry=True)
    assert [o.value for o in again] == [0, 1, 2, 3]
    assert calls(log) == [0, 1, 2, 3, 2]
    assert pj.distributed.scan(fragile, range(4), store=store) == again
    assert len(calls(log)) == 5


def test_a_failure_may_end_the_scan(tmp_path):
    store = tmp_path / "scan.jsonl"
    with pytest.raises(pj.errors.ScanError, match="point 3, 3: ValueError: three is not allowed"):
        pj.distributed.scan(scan_points.square, range(5), store=store, stop_on_error=True)
    lines = store.read_text().splitlines()
    assert [json.loads(line)["point"] for line in lines[1:]] == [0, 1, 2, 3]


def test_a_killed_scan_goes_on_where_it_was(tmp_path):
    store, log = tmp_path / "scan.jsonl", tmp_path / "log"
    command = [sys.executable, str(HERE / "scan_points.py"), str(store), str(log)]
    scan_points.deadly(log).touch()
    killed = subprocess.run(command, check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    assert calls(log) == list(range(scan_points.KILLED + 1))
    scan_points.deadly(log).unlink()
    function = partial(scan_points.logged, log)
    found = pj.distributed.scan(function, range(10), store=store)
    assert [o.value for o in found] == [n**2 for n in range(10)]
    assert calls(log)[scan_points.KILLED + 1 :] == list(range(scan_points.KILLED, 10))


def test_a_line_that_was_cut_is_done_again_wherever_it_was_cut(tmp_path):
    store, log = tmp_path / "scan.jsonl", tmp_path / "log"
    function = partial(scan_points.logged, log)
    whole = pj.distributed.scan(function, range(3), store=store)
    written = store.read_bytes()
    last = written[:-1].rfind(b"\n") + 1
    for end in range(last, len(written)):
        store.write_bytes(written[:end])
        log.unlink()
        assert pj.distributed.scan(function, range(3), store=store) == whole
        assert calls(log) == [2]
        assert store.read_bytes() == written


def test_a_worker_that_dies_ends_the_scan_and_a_new_executor_finishes_it(tmp_path):
    store, log = tmp_path / "scan.jsonl", tmp_path / "log"
    spawn = get_context("spawn")
    function = partial(scan_points.logged, str(log))
    scan_points.deadly(log).touch()
    with (
        ProcessPoolExecutor(1, mp_context=spawn) as pool,
        pytest.raises(pj.errors.ScanError, match="the executor broke"),
    ):
        pj.distributed.scan(function, range(10), executor=pool, store=store)
    done = len(store.read_text().splitlines()) - 1
    assert 0 < done <= scan_points.KILLED
    log.unlink()
    scan_points.deadly(log).unlink()
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        found = pj.distributed.scan(function, range(10), executor=pool, store=store)
    assert [o.value for o in found] == [n**2 for n in range(10)]
    assert calls(log) == list(range(done, 10))


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ([0, 1, 5], "its point 2 is 2, not 5"),
        ([0, 1], "it has 3 points, not 2"),
    ],
)
def test_a_file_of_other_points_is_refused(tmp_path, points, said):
    store = tmp_path / "scan.jsonl"
    pj.distributed.scan(scan_points.momenta, range(3), store=store)
    before = store.read_bytes()
    with pytest.raises(pj.errors.InvalidValueError, match=said):
        pj.distributed.scan(scan_points.momenta, points, store=store)
    assert store.read_bytes() == before


def test_a_file_of_another_function_is_refused(tmp_path):
    store = tmp_path / "scan.jsonl"
    pj.distributed.scan(scan_points.momenta, range(3), store=store)
    with pytest.raises(
        pj.errors.InvalidValueError, match="its function is 'momenta', not 'square'"
    ):
        pj.distributed.scan(scan_points.square, range(3), store=store)


@pytest.mark.parametrize("content", ["", "no JSON\n", '{"other": 1}\n', "3\n"])
def test_a_file_of_something_else_is_left_as_it_is(tmp_path, content):
    store = tmp_path / "notes.txt"
    store.write_text(content)
    with pytest.raises(pj.errors.InvalidValueError, match="no file of a scan"):
        pj.distributed.scan(scan_points.square, range(3), store=store)
    assert store.read_text() == content


def test_arrays_and_what_is_no_number_may_be_points_and_values(tmp_path):
    store = tmp_path / "scan.jsonl"
    points = [np.array([1.0, math.nan]), np.float32(0.5), {"k1": 2, "name": "q"}]

    def same(point):
        return point

    first = pj.distributed.scan(same, points, store=store)
    assert first[0].value[0] == 1.0
    assert math.isnan(first[0].value[1])
    assert [o.value for o in first[1:]] == [0.5, {"k1": 2, "name": "q"}]
    again = pj.distributed.scan(same, points, store=store)
    assert again[1:] == first[1:]


def test_nothing_to_scan():
    assert pj.distributed.scan(scan_points.square, []) == []


def test_what_json_cannot_hold():
    with pytest.raises(pj.errors.InvalidValueError, match="JSON cannot hold a object"):
        pj.distributed.scan(scan_points.square, [object()])
    (outcome,) = pj.distributed.scan(lambda p: {1, 2}, [0])
    assert outcome.error.startswith("TypeError: JSON cannot hold a set")


def test_outcomes_are_a_table():
    def figures(point):
        if point["k1"] == 2.0:
            raise ValueError("unstable")
        return {"tune": 0.1 * point["k1"], "growth": 0.5}

    table = pj.distributed.scan(figures, [{"k1": 1.0}, {"k1": 2.0}, {"k1": 3.0}]).to_pandas()
    assert [*table.columns] == ["k1", "tune", "growth", "error"]
    assert [*table.k1] == [1.0, 2.0, 3.0]
    assert math.isnan(table.tune[1])
    assert table.tune[2] == 0.1 * 3.0
    assert table.error[1] == "ValueError: unstable"
    assert table.error.isna().sum() == 2
    plain = pj.distributed.scan(abs, [-1, 2]).to_pandas()
    assert [*plain.columns] == ["point", "value", "error"]
    assert [*plain.value] == [1, 2]


def test_a_table_has_no_two_columns_of_one_name():
    found = pj.distributed.scan(lambda p: dict(p), [{"k1": 1.0}])
    with pytest.raises(pj.errors.InvalidValueError, match="share 'k1'"):
        found.to_pandas()


def test_a_function_with_other_arguments_is_another_scan(tmp_path):
    """What `partial` binds is of the scan; a long argument by its digest, an object by its kind."""
    store, long = tmp_path / "scan.jsonl", list(range(1000))

    def scan(*bound, **named):
        return pj.distributed.scan(partial(power, *bound, **named), [3], store=store)[0].value

    bound = {"power": 2, "many": long, "thing": object()}
    assert scan(1.0, **bound) == scan(1.0, **bound | {"thing": object()}) == 9.0
    for factor, other in ((2.0, {}), (1.0, {"power": 3}), (1.0, {"many": [*long, 7]})):
        with pytest.raises(pj.errors.InvalidValueError, match="is of another scan: its function"):
            scan(factor, **bound | other)


def power(factor, point, power, many, thing):
    return factor * point**power
