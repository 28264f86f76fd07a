"""A calibrated twin as channels of EPICS, by PV Access: settings in, readings out.

    pip install ".[lume]" lume-pva
    python examples/live_twin.py twin.safetensors q1.k1 q2.k1 --prefix TWIN:

The file is one of `Twin.save`; what follows it are the settings that may be written, as channels
TWIN:q1.k1 and so on; each diagnostic is one to read. A write returns when the readings are those at
the new settings, or with the error. Where EPICS_PVAS_INTF_ADDR_LIST is not set only this machine
can connect. Runs until it is stopped.
"""

from __future__ import annotations

import argparse
import os
import sys

import pyjutrack as pj


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("file", help="a twin, as Twin.save writes it")
    options.add_argument("settings", nargs="+", help="addresses that may be written, as q1.k1")
    options.add_argument("--prefix", default="", help="prefix of the names of all channels")
    given = options.parse_args()
    try:
        model = pj.twin.lume_model(pj.Twin.load(given.file), given.settings)
    except pj.PyJuTrackError as error:
        options.exit(2, f"live_twin: {error}\n")
    os.environ.setdefault("EPICS_PVAS_INTF_ADDR_LIST", "127.0.0.1")
    try:
        from lume_pva.runner import Runner
    except ImportError:
        options.exit(2, "live_twin: a server needs lume-pva: pip install lume-pva\n")
    config = Runner.generate_config(model, prefix=given.prefix, put_mode="complete")
    runner = Runner(model, config={**config, "protocol": ["pva"], "update_rate": 0.0})
    print("serving", *(given.prefix + name for name in model.supported_variables), flush=True)
    runner.run()
    sys.exit(0)


if __name__ == "__main__":
    main()
