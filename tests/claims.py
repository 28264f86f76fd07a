"""Claims about physics: what a test found, beside what, and below which bound; kept if asked.

`python tests/validation.py` runs all tests that make one, and writes docs/validation.md.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

#: a folder in which what is found is kept, a file a process
FOLDER = "PYJUTRACK_CLAIMS"


def claim(area: str, text: str, oracle: str, found: Any, bound: float) -> None:
    """Require that what was found lies below a bound, and keep both if asked.

    Args:
        area: the section of the page.
        text: what is compared, with its unit; cases of one text make one row, of the worst of them.
        oracle: what it is compared with: a package of `validation.PACKAGES`, or a source.
    """
    largest = float(found)
    assert largest < bound, f"{text}: {largest:.3g} beside {oracle}, which must be below {bound:g}"
    if os.environ.get(FOLDER):
        test = os.environ["PYTEST_CURRENT_TEST"].partition(" ")[0]
        row = {"area": area, "text": text, "oracle": oracle, "found": largest, "bound": bound}
        with Path(os.environ[FOLDER], f"{os.getpid()}.jsonl").open("a") as file:
            file.write(json.dumps({**row, "test": test}) + "\n")


def off(found: Any, expected: Any) -> float:
    """The largest difference."""
    return float(np.abs(np.asarray(found) - np.asarray(expected)).max())


def share(found: Any, expected: Any) -> float:
    """The largest difference as a share of what is expected there."""
    return float(np.abs(np.asarray(found) / np.asarray(expected) - 1).max())


def of_largest(found: Any, expected: Any) -> float:
    """The largest difference as a share of the largest that is expected."""
    return off(found, expected) / float(np.abs(np.asarray(expected)).max())
