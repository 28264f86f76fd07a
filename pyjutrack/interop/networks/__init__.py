"""Networks to and from other formats, chosen by the name of the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...core.errors import InvalidValueError, require_known
from ...surrogate.architectures import Standardisation
from ...surrogate.surrogate import Surrogate, list_pretrained
from .nnlib import from_nnlib, to_nnlib
from .onnx_export import to_onnx
from .onnx_import import JUTRACK, from_onnx

__all__ = [
    "JUTRACK",
    "Standardisation",
    "from_nnlib",
    "from_onnx",
    "read",
    "to_nnlib",
    "to_onnx",
    "write",
]

_SUFFIXES = (".safetensors", ".onnx", ".nnlib")


def read(source: str | Path, **foreign: Any) -> Surrogate:
    """A surrogate from a file of any of the formats, or one that ships.

    Args:
        source: its name, or NAME.safetensors, NAME.onnx or NAME.nnlib.
        foreign: what `from_onnx` takes besides; for ONNX files alone.

    Raises:
        UnknownNameError: another suffix, or a name without one that no network here has.
        InvalidValueError: as for the formats, or `foreign` given for a file that is not ONNX.
    """
    suffix = Path(source).suffix
    if not suffix and Path(source).name == str(source):
        require_known("network", str(source), list_pretrained())
        suffix = ".safetensors"
    require_known("suffix of networks", suffix, _SUFFIXES)
    if suffix == ".onnx":
        return from_onnx(source, **foreign)
    given = [name for name, value in foreign.items() if value is not None]
    if given:
        raise InvalidValueError(
            f"{', '.join(given)} can be given for ONNX files only; {source} states its own"
        )
    return from_nnlib(source) if suffix == ".nnlib" else Surrogate.load(source)


def write(surrogate: Surrogate, path: str | Path, *, dtype: str | None = None) -> None:
    """Write a surrogate as its suffix says: .safetensors, .onnx or .nnlib.

    Args:
        surrogate: what to write.
        path: where.
        dtype: precision of the arrays for NNlib, "float32" if None; the other formats hold single
            precision.

    Raises:
        UnknownNameError: another suffix.
        InvalidValueError: a precision given for a format that has one only.
    """
    suffix = Path(path).suffix
    require_known("suffix of networks", suffix, _SUFFIXES)
    if dtype not in (None, "float32") and suffix != ".nnlib":
        raise InvalidValueError(f"{suffix} files hold single precision, not {dtype}")
    if suffix == ".onnx":
        to_onnx(surrogate, path)
    elif suffix == ".nnlib":
        to_nnlib(surrogate, path, dtype or "float32")
    else:
        surrogate.save(path)
