"""Surrogates as safetensors files: numbers and a description, nothing that could run.

The header holds a description in JSON (layers, grid, shape, domain, how it was trained) and a
SHA-256 digest of that description and of every weight, which reading checks.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from .atomic import write_bytes
from .errors import InvalidValueError


def write(
    path: Path,
    description: Mapping[str, Any],
    weights: Mapping[str, Tensor],
    *,
    holds: str = "surrogate",
) -> str:
    """Write weights and their description, whole or not at all; returns the digest.

    Raises:
        WriteError: the disk is full, say.
    """
    plain = {name: w.detach().cpu().contiguous() for name, w in weights.items()}
    text = json.dumps(description, sort_keys=True, allow_nan=False)
    mark = digest(text, plain)
    header = {"format": f"pyjutrack-{holds}-1", "description": text, "digest": mark}
    write_bytes(path, save(plain, header))  # in memory: its own writer gives no reason
    return mark


def read(
    path: Path,
    *,
    holds: str = "surrogate",
    said: str | None = None,
    remedy: str = "take a fresh copy, or train it again",
) -> tuple[dict[str, Any], dict[str, Tensor], str]:
    """Description, weights and digest of a file.

    Args:
        holds: as for `write`.
        said: how messages call that, if not so.
        remedy: what messages advise where a file is damaged.

    Raises:
        InvalidValueError: no such file, not one of `write`, truncated, or changed since.
    """
    said = said or holds
    if path.is_dir():
        raise InvalidValueError(f"{path} is a folder, and no file of a {said}; name a file")
    if not path.is_file():
        raise InvalidValueError(f"no file of a {said} at {path}; is the path right?")
    try:
        with safe_open(str(path), framework="pt") as file:  # type: ignore[no-untyped-call]
            header = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise InvalidValueError(
            f"{path} is no whole safetensors file: {error}; {remedy}"
        ) from error
    expected = f"pyjutrack-{holds}-1"
    if header.get("format") != expected:
        raise InvalidValueError(
            f"{path} holds tensors, but is no {said} of this package (format "
            f"{header.get('format')!r}, expected {expected!r}); give another path"
        )
    text = header.get("description", "")
    if digest(text, weights) != header.get("digest"):
        raise InvalidValueError(
            f"{path} was changed after it was written: its digest does not match; {remedy}"
        )
    try:
        return json.loads(text), weights, header["digest"]
    except (ValueError, RecursionError) as error:
        raise InvalidValueError(f"{path}: its description is no JSON: {error}; {remedy}") from error


def plain(data: Any) -> Any:
    """Data as they come back from a file: tuples are lists there."""
    return json.loads(json.dumps(data))


def digest(text: str, weights: Mapping[str, Tensor]) -> str:
    """SHA-256 of a description and of weights, names and shapes included."""
    total = hashlib.sha256(text.encode())
    for name in sorted(weights):
        w = weights[name].detach().cpu()
        total.update(f"\n{name} {w.dtype} {tuple(w.shape)}\n".encode())
        total.update(w.contiguous().numpy().tobytes())
    return total.hexdigest()
