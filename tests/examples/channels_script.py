"""Write and read channels of the example's server, alone in a network: started by a test."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
from p4p.client.thread import Context, RemoteError

import pyjutrack as pj

subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
example, file = sys.argv[1:]
command = [sys.executable, example, file, "q1.k1", "q2.k1", "--prefix", "TWIN:"]
with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
    try:
        assert server.stdout.readline().startswith("serving TWIN:q1.k1 "), "no server"
        channels, twin = Context("pva"), pj.Twin.load(file)
        for settings in ({"q1.k1": 20.5}, {"q1.k1": 20.5, "q2.k1": -19.0}):
            address = list(settings)[-1]
            channels.put(f"TWIN:{address}", settings[address], timeout=30)
            for name, reading in twin.predict(settings).items():
                np.testing.assert_array_equal(np.asarray(channels.get(f"TWIN:{name}")), reading)
        for name, value in (("q1.k1", float("nan")), ("middle.position", [0.0, 0.0])):
            try:
                channels.put(f"TWIN:{name}", value, timeout=30)
            except RemoteError as error:
                print("refused:", error)
        assert float(channels.get("TWIN:q1.k1")) == 20.5
        channels.close()
    finally:
        server.terminate()
