"""A calibrated twin as a local service: settings in, readings out, as JSON over HTTP.

    python examples/live_twin.py twin.safetensors --port 8000
    curl 'http://127.0.0.1:8000/predict?q1.k1=20.5&q2.k1=-19.8'

The file is one of `Twin.save`. Only this machine can ask. Every answer is JSON; what is wrong with
a question is answered by status 400 and {"error": ...}.
"""

from __future__ import annotations

import argparse
import json
import math
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

import pyjutrack as pj

HOW = "ask GET /predict?<address>=<value>&..."


def service(twin: pj.Twin, port: int = 0, *, patience: float = 10.0) -> ThreadingHTTPServer:
    """A server at a port of this machine, or at a free one; `serve_forever` lets it answer.

    Args:
        patience: how long a connection may be silent [s].
    """

    class Handler(BaseHTTPRequestHandler):
        timeout = patience

        def do_GET(self) -> None:
            self._send(*answer(twin, self.path))

        def send_error(
            self, code: int, message: str | None = None, explain: str | None = None
        ) -> None:
            """Answer what the server itself refuses: other methods, broken or long questions."""
            self.close_connection = True
            self._send(code, {"error": f"{message or HTTPStatus(code).phrase}; {HOW}"})

        def _send(self, status: int, content: dict[str, Any]) -> None:
            body = json.dumps(content, allow_nan=False).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing of every question."""

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


def answer(twin: pj.Twin, question: str) -> tuple[int, dict[str, Any]]:
    """The status and the content of what is answered."""
    path, _, query = question.partition("?")
    if path != "/predict":
        return HTTPStatus.NOT_FOUND, {"error": f"there is no {path}; {HOW}"}
    try:
        readings = twin.predict(settings(query))
        return HTTPStatus.OK, {name: _plain(r.tolist()) for name, r in readings.items()}
    except pj.PyJuTrackError as error:
        return HTTPStatus.BAD_REQUEST, {"error": str(error)}
    except Exception as error:  # sent to the caller, and the service goes on
        said = f"{type(error).__name__}: {error}"
        return HTTPStatus.INTERNAL_SERVER_ERROR, {"error": said}


def settings(query: str) -> dict[str, float]:
    """Address to value, each once and finite."""
    found: dict[str, float] = {}
    for address, value in parse_qsl(query, keep_blank_values=True):
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise pj.errors.InvalidValueError(f"{address} must be a finite number, got {value!r}")
        if address in found:
            raise pj.errors.InvalidValueError(f"{address} is given twice; give it one value")
        found[address] = number
    return found


def _plain(reading: Any) -> Any:
    """Numbers that JSON knows: null where no particle is alive to be read."""
    if isinstance(reading, list):
        return [_plain(entry) for entry in reading]
    return reading if math.isfinite(reading) else None


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("file", help="a twin, as Twin.save writes it")
    options.add_argument("--port", type=int, default=8000)
    given = options.parse_args()
    try:
        server = service(pj.Twin.load(given.file), given.port)
    except pj.PyJuTrackError as error:
        options.exit(2, f"live_twin: {error}\n")
    except (OSError, OverflowError) as error:
        options.exit(2, f"live_twin: no service at port {given.port}: {error}\n")
    print(f"http://127.0.0.1:{server.server_port}/predict", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
