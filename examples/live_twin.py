"""A calibrated twin as a local service: settings in, readings out, as JSON over HTTP.

    python examples/live_twin.py twin.safetensors --port 8000
    curl 'http://127.0.0.1:8000/predict?q1.k1=20.5&q2.k1=-19.8'

The file is one of `Twin.save`. Only this machine can ask. What is wrong with a question is answered
by status 400 and {"error": ...}.
"""

from __future__ import annotations

import argparse
import json
import math
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pyjutrack as pj


def service(twin: pj.Twin, port: int = 0) -> HTTPServer:
    """A server at a port of this machine, or at a free one; `serve_forever` lets it answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            if asked.path != "/predict":
                self._answer(HTTPStatus.NOT_FOUND, {"error": "ask /predict?<address>=<value>&..."})
                return
            try:
                settings = {a: float(v) for a, v in parse_qsl(asked.query, strict_parsing=True)}
                readings = twin.predict(settings)
            except (pj.PyJuTrackError, ValueError) as error:
                self._answer(HTTPStatus.BAD_REQUEST, {"error": str(error)})
                return
            self._answer(HTTPStatus.OK, {n: _plain(r.tolist()) for n, r in readings.items()})

        def _answer(self, status: HTTPStatus, content: dict[str, Any]) -> None:
            body = json.dumps(content, allow_nan=False).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing of every question."""

    return HTTPServer(("127.0.0.1", port), Handler)


def _plain(reading: Any) -> Any:
    """Numbers that JSON knows: null where nobody is alive to be read."""
    if isinstance(reading, list):
        return [_plain(entry) for entry in reading]
    return reading if math.isfinite(reading) else None


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("file", help="a twin, as Twin.save writes it")
    options.add_argument("--port", type=int, default=8000)
    given = options.parse_args()
    server = service(pj.Twin.load(given.file), given.port)
    print(f"http://127.0.0.1:{server.server_port}/predict")
    server.serve_forever()


if __name__ == "__main__":
    main()
