"""The example of a service answers what the twin predicts, and refuses bad questions."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest
from examples_loader import load_example
from live_cases import small

import pyjutrack as pj


@pytest.fixture(scope="module")
def twin() -> pj.Twin:
    return small()


@contextmanager
def serving(twin: pj.Twin, **options: float) -> Iterator[str]:
    """The address of a service that runs."""
    server = load_example("live_twin").service(twin, **options)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def address(twin: pj.Twin) -> Iterator[str]:
    with serving(twin) as found:
        yield found


def ask(address: str, path: str, method: str = "GET") -> tuple[int, str]:
    """The status of an answer, and its error, which must be JSON whatever the status."""
    connection = HTTPConnection(address.removeprefix("http://"), timeout=60)
    with closing(connection):
        connection.request(method, path)
        reply = connection.getresponse()
        assert reply.headers["Content-Type"] == "application/json"
        body = reply.read()
        assert len(body) == (0 if method == "HEAD" else int(reply.headers["Content-Length"]))
        return reply.status, json.loads(body)["error"] if method != "HEAD" else ""


def connected(address: str) -> socket.socket:
    """A connection on which nothing was said."""
    host, _, port = address.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=60)


def test_readings_are_answered(twin: pj.Twin, address: str) -> None:
    with urlopen(f"{address}/predict?q1.k1=19.5&beam.current=0") as reply:
        found = json.load(reply)
    expected = twin.predict({"q1.k1": 19.5, "beam.current": 0.0})
    assert list(found) == list(expected)
    for name, reading in expected.items():
        np.testing.assert_array_equal(found[name], reading)


@pytest.mark.parametrize(
    ("question", "status", "words"),
    [
        ("predict?q1.k2=3", 400, "q1.k2"),
        ("predict?q1.k1=much", 400, "q1.k1 must be a finite number, got 'much'"),
        ("predict?q1.k1=nan", 400, "q1.k1 must be a finite number, got 'nan'"),
        ("predict?q2.k1=-20&q1.k1=1e999", 400, "q1.k1 must be a finite number, got '1e999'"),
        ("predict?q1.k1=", 400, "q1.k1 must be a finite number, got ''"),
        ("predict?q1.k1", 400, "q1.k1 must be a finite number, got ''"),
        ("predict?=3", 400, "knob"),
        ("predict?q1.k1=20&q1.k1=25", 400, "q1.k1 is given twice"),
        ("other", 404, "GET /predict"),
        ("", 404, "GET /predict"),
    ],
)
def test_bad_questions_are_answered_by_errors(
    address: str, question: str, status: int, words: str
) -> None:
    found, error = ask(address, f"/{question}")
    assert found == status
    assert words in error


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD", "BREW"])
def test_other_methods_are_answered_by_errors(address: str, method: str) -> None:
    status, error = ask(address, "/predict?q1.k1=20", method)
    assert status == 501
    assert error == "" if method == "HEAD" else f"'{method}'); ask GET /predict" in error


def test_overlong_questions_are_answered_by_errors(address: str) -> None:
    status, error = ask(address, "/predict?q1.k1=" + 65_536 * "1")
    assert status == 414
    assert "ask GET /predict" in error


def test_a_broken_question_is_answered_by_an_error(address: str) -> None:
    with closing(connected(address)) as line:
        line.sendall(b"GET /predict a b c HTTP/1.0\r\n\r\n")
        assert b'{"error": "Bad request syntax' in line.makefile("rb").read()


def test_unexpected_errors_are_reported(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    def broken(self: pj.Twin, settings: object) -> None:
        raise KeyError("a mistake of ours")

    monkeypatch.setattr(pj.Twin, "predict", broken)
    assert ask(address, "/predict") == (500, "KeyError: 'a mistake of ours'")


def test_a_silent_client_does_not_block_others(address: str) -> None:
    with closing(connected(address)), urlopen(f"{address}/predict", timeout=60) as reply:
        assert "middle.position" in json.load(reply)


def test_a_client_silent_for_long_is_disconnected(twin: pj.Twin) -> None:
    with serving(twin, patience=0.05) as address, closing(connected(address)) as line:
        assert line.recv(1) == b""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["none.st"], "no file of a twin at none.st"),
        (["twin.st", "--port", "99999"], "no service at port 99999"),
    ],
)
def test_a_start_that_fails_is_one_line(
    twin: pj.Twin,
    options: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    twin.save("twin.st")
    monkeypatch.setattr("sys.argv", ["live_twin.py", *options])
    with pytest.raises(SystemExit) as caught:
        load_example("live_twin").main()
    assert caught.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"live_twin: {said}")
    assert printed.err.count("\n") == 1


def test_no_live_particle_is_null(twin: pj.Twin, address: str) -> None:
    with urlopen(f"{address}/predict?beam.x=1") as reply:
        assert json.load(reply)["middle.position"] == [None, None]
