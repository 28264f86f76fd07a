"""Reads damaged and hostile copies of small files, in a process that may be lost.

Usage: python damaged_copies.py FOLDER COUNT [FORMAT ...]; prints JSON: by format, what went wrong.
A file that takes over ten seconds of the processor is a fault, one that takes a minute ends the
process.
"""

from __future__ import annotations

import faulthandler
import json
import random
import re
import resource
import sys
import time
import traceback
import warnings
from pathlib import Path

import numpy as np
import scipy.io
from small_files import CALLED, ELEMENTS, SUFFIX, TEXTS

import pyjutrack as pj

FORMATS = tuple(SUFFIX)
_PYTHON = (
    "__import__('os').system('touch {c}')",
    "().__class__.__base__.__subclasses__()",
    "[c for c in ().__class__.__base__.__subclasses__() if c.__name__ == '_wrap_close'][0]"
    ".__init__.__globals__['system']('touch {c}')",
    "open('{c}','w')",
    'call, file="/etc/passwd";',
    'call, file="../../etc/hosts";',
    "system, 'touch {c}';",
    "!!python/object/apply:os.system ['touch {c}']",
)
_HOSTILE = (
    *("9^9^9^9", "1e400", "-1e400", "NaN", "Infinity", "9" * 5000, "a := a + 1;", "0/0"),
    *("type=qf", "qf", "ring", "(" * 3000, "[" * 3000, "{" * 3000, "[[[[", '"', "'", "/*", "&"),
    *("1000000000*", "10**30", "repeat: 1000000000", "steps: 1" + "0" * 30, "&a [*a, *a]", "*a"),
    *(
        "\0",
        "\ufeff",
        "\u2028",
        "é",
        "<<: *mm",
        "->",
        ":=",
        ";",
        "%",
        "#INCLUDE: a.lte",
        "call, file = damaged.bmad",
        "% = * " * 400,
        "*" * 500 + "[l] = 1",
        "a" * 9999,
    ),
)
_TOKEN = re.compile(r"[\w.]+|\s+|.", re.DOTALL)


def binary_sample(folder: Path) -> bytes:
    """A .mat file with a lattice."""
    ring = {"FamName": "R", "Energy": 3e9, "Periodicity": 1.0, "Class": "RingParam"}
    cells = np.empty((1, len(ELEMENTS) + 1), dtype=object)
    for n, element in enumerate([{**ring, "PassMethod": "IdentityPass"}, *ELEMENTS]):
        cells[0, n] = element
    path = folder / "sample.mat"
    scipy.io.savemat(path, {"ring": cells}, do_compression=False)
    return path.read_bytes()


def damaged(sample: bytes, chance: random.Random, canary: Path) -> bytes:
    """A copy with a few changes of its bytes, of its words, or of what it says."""
    data = sample
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        at = chance.randrange(max(len(data), 1))
        way = chance.randrange(8)
        if way == 0:
            data = data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
        elif way == 1:
            data = data[:at] + data[at + chance.randrange(40) :]
        elif way == 2:
            part = data[at : at + chance.randrange(200)]
            data = data[:at] + part * chance.choice((1, 2, 30)) + data[at:]
        elif way == 3:
            data = data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]
        elif way == 4 and chance.random() < 0.3:
            data = data[:at]
        else:
            data = _worded(data, chance, canary)
        if not data:
            return b""
    return data


def _worded(data: bytes, chance: random.Random, canary: Path) -> bytes:
    words = _TOKEN.findall(data.decode("latin-1"))
    at = chance.randrange(len(words))
    way = chance.randrange(4)
    if way == 0:
        words[at] = chance.choice(words)
    elif way == 1:
        words[at] = chance.choice(_HOSTILE)
    elif way == 2:
        words[at] = chance.choice(_PYTHON).format(c=canary)
    else:
        words.insert(at, chance.choice(_HOSTILE + _PYTHON).format_map({"c": canary}))
    return "".join(words).encode("utf-8", "replace")


def main(folder: Path, count: int, formats: tuple[str, ...]) -> None:
    """Read `count` files of each format, and print what went wrong."""
    warnings.simplefilter("ignore")
    canary = folder / "canary"
    for name, text in CALLED.items():
        (folder / name).write_text(text)
    report = {}
    for format in formats:
        sample = binary_sample(folder) if format == "mat" else TEXTS[format].encode()
        path = folder / f"damaged{SUFFIX[format]}"
        path.write_bytes(sample)
        pj.read_lattice(path, format=format)  # what is not damaged is read
        faults, read, slowest = [], 0, 0.0
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for number in range(count):
            data = damaged(sample, random.Random(f"{format} {number}"), canary)
            path.write_bytes(data)
            faulthandler.dump_traceback_later(60, exit=True)  # of a clock that others use too
            start = time.process_time()
            try:
                pj.read_lattice(path, format=chosen_format(format, number))
                read += 1
            except pj.errors.LatticeFileError as error:
                if not any(name in str(error) for name in (path.name, *CALLED)):
                    faults.append(f"{number}: the file is not named: {error}")
                if len(str(error)) > 1500:
                    faults.append(f"{number}: a message of {len(str(error))} characters")
            except BaseException as error:
                faults.append(f"{number}: {type(error).__name__}: {str(error)[:200]}")
                faults.append(traceback.format_exc()[-900:])
            faulthandler.cancel_dump_traceback_later()
            taken = time.process_time() - start
            slowest = max(slowest, taken)
            if taken > 10:
                faults.append(f"{number}: took {taken:.0f} s")
            if canary.exists():
                faults.append(f"{number}: the file ran a command")
                canary.unlink()
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if after - before > 2**20:
            faults.append(f"took {(after - before) / 2**20:.1f} GiB of memory")
        report[format] = {"faults": faults, "read": read, "slowest": round(slowest, 3)}
    print(json.dumps(report))


def chosen_format(format: str, number: int) -> str | None:
    """Name the format, or let it be found by the content where that can be."""
    return None if format in ("at", "xsuite", "own") and number % 2 else format


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), tuple(sys.argv[3:]) or FORMATS)
