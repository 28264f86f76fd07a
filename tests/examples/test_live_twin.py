"""The example of a service answers what the twin predicts, and tells bad questions."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from urllib.error import HTTPError
from urllib.request import urlopen

import numpy as np
import pytest
from examples_loader import load_example
from live_cases import small

import pyjutrack as pj


@pytest.fixture(scope="module")
def twin() -> pj.Twin:
    return small()


@pytest.fixture(scope="module")
def address(twin: pj.Twin) -> Iterator[str]:
    server = load_example("live_twin").service(twin)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_readings_are_answered(twin: pj.Twin, address: str) -> None:
    with urlopen(f"{address}/predict?q1.k1=19.5&beam.current=0") as reply:
        found = json.load(reply)
    expected = twin.predict({"q1.k1": 19.5, "beam.current": 0.0})
    assert list(found) == list(expected)
    for name, reading in expected.items():
        np.testing.assert_array_equal(found[name], reading)


@pytest.mark.parametrize(
    ("question", "status", "word"),
    [
        ("predict?q1.k2=3", 400, "q1.k2"),
        ("predict?q1.k1=much", 400, "much"),
        ("predict?q1.k1=nan", 400, "finite"),
        ("predict?q1.k1", 400, "q1.k1"),
        ("other", 404, "predict"),
    ],
)
def test_bad_questions_are_told(address: str, question: str, status: int, word: str) -> None:
    with pytest.raises(HTTPError) as caught:
        urlopen(f"{address}/{question}")
    with caught.value as reply:
        assert reply.code == status
        assert word in json.load(reply)["error"]


def test_nobody_alive_is_null(twin: pj.Twin, address: str) -> None:
    with urlopen(f"{address}/predict?beam.x=1") as reply:
        assert json.load(reply)["middle.position"] == [None, None]
