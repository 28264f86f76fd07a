"""One code's gradient in a process of its own: `python -m benchmarks.gradients.child`.

Takes code, figure, way and rounds; prints JSON, or what is missing.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from time import perf_counter

import numpy as np
import torch

from ..child import Watch


def main() -> None:
    code, figure, way, rounds = *sys.argv[1:4], int(sys.argv[4])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what codes print is no answer
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    try:
        module = importlib.import_module(f"{__package__}.code_{code}")
        call = module.WAYS[figure][way]()
    except (ImportError, RuntimeError) as error:
        print(json.dumps({"missing": f"{type(error).__name__}: {error}"}), file=answers)
        return
    with Watch() as watch:
        began = perf_counter()
        value, gradient = call()
        first = perf_counter() - began
    seconds: list[float] = []
    while len(seconds) < rounds and (not seconds or sum(seconds) < 60):
        began = perf_counter()
        call()
        seconds.append(perf_counter() - began)
    found = {
        "value": np.asarray(value).tolist(),
        "gradient": np.asarray(gradient).tolist(),
        "first": first,
        "seconds": seconds,
        "memory": watch.peak - watch.before,
        "resident": watch.peak,
        "versions": module.versions(),
    }
    print(json.dumps(found), file=answers)


if __name__ == "__main__":
    main()
