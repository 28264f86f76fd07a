"""MATLAB files of version 5 to 7, read without trust: every size is held against the file's.

scipy believes what a file says of its sizes, and a damaged one can end the interpreter.
Source: MathWorks, MAT-File Format (R2023b), chapter 1.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import wrong
from ..limits import BYTES, require_below, require_nesting

#: NumPy's code of each numeric type of data, by the number that the format gives it
_TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8"}
_TYPES |= {13: "u8", 16: "u1", 17: "u2", 18: "u4"}
_MATRIX, _COMPRESSED = 14, 15
_CELL, _STRUCT, _CHAR, _OPAQUE = 1, 2, 4, 17
_NUMERIC = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4"}
_NUMERIC |= {14: "i8", 15: "u8"}
_COMPLEX, _LOGICAL = 0x0800, 0x0200
_HEADER = 128


class DamagedError(ValueError):
    """A file is damaged."""


@dataclass(frozen=True)
class Cells:
    """A cell array, or a structure array of several elements."""

    entries: list[Any]


@dataclass(frozen=True)
class Unread:
    """A value that no lattice needs: an object, a function, complex or sparse numbers."""

    kind: int


def variables(path: Path) -> dict[str, Any]:
    """The variables of a file: arrays, words, structures as dicts, cell arrays as Cells.

    Raises:
        LatticeFileError: another version, damaged, or above the limits.
    """
    data = path.read_bytes()
    require_below(path, "bytes of the file", len(data), BYTES)
    order = {b"IM": "<", b"MI": ">"}.get(data[126:128])
    if len(data) < _HEADER or order is None:
        raise wrong(path, "no MATLAB file of version 5 or later; is it damaged?")
    found: dict[str, Any] = {}
    reader = _Reader(path, order)
    try:
        for kind, content in reader.parts(data[_HEADER:]):
            if kind == _COMPRESSED:
                for inner, unpacked in reader.parts(reader.unpack(content)):
                    reader.take(inner, unpacked, found)
            else:
                reader.take(kind, content, found)
    except (DamagedError, zlib.error) as error:
        raise wrong(path, f"damaged: {error}") from error
    return found


class _Reader:
    def __init__(self, path: Path, order: str) -> None:
        self.path, self.order = path, order
        self.total = 0

    def unpack(self, data: bytes) -> bytes:
        """Unpack compressed data, up to the limit of all of the file."""
        engine = zlib.decompressobj()
        found = engine.decompress(data, BYTES - self.total + 1)
        self.total += len(found)
        require_below(self.path, "bytes of what it unpacks to", self.total, BYTES)
        if not engine.eof:
            raise DamagedError("compressed data are cut off")
        return found

    def parts(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Type and content of each part that follows another."""
        at = 0
        while at < len(data):
            if len(data) - at < 8:
                raise DamagedError("a part ends before its size is stated")
            kind, size = (int(n) for n in np.frombuffer(data, f"{self.order}u4", 2, at))
            start = at + 8
            if kind >> 16:  # size and content in eight bytes
                kind, size, start = kind & 0xFFFF, kind >> 16, at + 4
                if size > 4:
                    raise DamagedError(f"a short part of {size} bytes")
            if start + size > len(data):
                raise DamagedError(f"a part of {size} bytes where {len(data) - start} are left")
            yield kind, data[start : start + size]
            if kind == _COMPRESSED:
                at = start + size
            else:
                at = at + 8 if start == at + 4 else start + (size + 7) // 8 * 8

    def take(self, kind: int, content: bytes, found: dict[str, Any]) -> None:
        """Put a variable among those found."""
        if kind != _MATRIX:
            raise DamagedError(f"a part of type {kind} where a variable should be")
        name, value = self.matrix(content, 0)
        if name:
            found[name] = value

    def matrix(self, content: bytes, depth: int) -> tuple[str, Any]:
        """Name and value of an array."""
        require_nesting(self.path, depth)
        if not content:
            return "", np.zeros((0, 0))
        parts = self.parts(content)
        flags = self.numbers(parts)
        if len(flags) != 2:
            raise DamagedError("an array does not state its class")
        kind, mark = int(flags[0]) & 0xFF, int(flags[0])
        if kind == _OPAQUE:
            return "", Unread(kind)
        shape = tuple(int(n) for n in self.numbers(parts))
        if len(shape) < 2 or len(shape) > 8 or any(n < 0 for n in shape):
            raise DamagedError(f"an array of shape {shape[:8]}")
        if prod(shape) > max(len(content), 1) and kind != _STRUCT:
            raise DamagedError(f"an array of shape {shape} in {len(content)} bytes")
        name = self.text(parts)
        if kind == _CELL:
            return name, Cells(self._matrices(parts, prod(shape), depth))
        if kind == _STRUCT:
            return name, self._structures(parts, shape, len(content), depth)
        if (kind != _CHAR and kind not in _NUMERIC) or mark & _COMPLEX:
            return name, Unread(kind)
        values = self.numbers(parts, words=kind == _CHAR)
        if len(values) != prod(shape):
            raise DamagedError(f"{len(values)} values for an array of shape {shape}")
        if kind == _CHAR:
            first_row = np.reshape(values, (shape[0], -1), order="F")[0] if len(values) else ()
            return name, "".join(map(chr, first_row))
        array = values.astype(f"{_NUMERIC[kind]}").reshape(shape, order="F")
        return name, array.astype(bool) if mark & _LOGICAL else array

    def _matrices(self, parts: Iterator[tuple[int, bytes]], count: int, depth: int) -> list[Any]:
        found = []
        for _ in range(count):
            kind, content = next(parts, (0, b""))
            if kind != _MATRIX:
                raise DamagedError("fewer entries than a cell array or structure states")
            found.append(self.matrix(content, depth + 1)[1])
        return found

    def _structures(
        self, parts: Iterator[tuple[int, bytes]], shape: tuple[int, ...], size: int, depth: int
    ) -> Any:
        length = self.numbers(parts)
        kind, names = next(parts, (0, b""))
        width = int(length[0]) if len(length) else 0
        if names and (_TYPES.get(kind) != "i1" or not 0 < width <= 64 or len(names) % width):
            raise DamagedError("the names of a structure's fields have no length")
        fields = [
            names[i : i + width].partition(b"\0")[0].decode("latin-1")
            for i in range(0, len(names), max(width, 1))
        ]
        if prod(shape) * max(len(fields), 1) > size:
            raise DamagedError(f"a structure of shape {shape} in {size} bytes")
        every = [
            dict(zip(fields, self._matrices(parts, len(fields), depth), strict=True))
            for _ in range(prod(shape))
        ]
        return every[0] if len(every) == 1 else Cells(every)

    def numbers(self, parts: Iterator[tuple[int, bytes]], *, words: bool = False) -> Any:
        """Numbers of the next part; of text in UTF-8, its characters."""
        kind, content = next(parts, (0, b""))
        if kind == 16 and words:
            try:
                return np.array([ord(c) for c in content.decode("utf-8")], dtype=np.uint32)
            except UnicodeDecodeError as error:
                raise DamagedError("text that is no UTF-8") from error
        code = _TYPES.get(kind)
        if code is None:
            raise DamagedError(f"data of type {kind}, which is no number")
        if len(content) % int(code[1]):
            raise DamagedError(f"{len(content)} bytes are no whole numbers of {code[1]} bytes")
        found = np.frombuffer(content, f"{self.order}{code}")
        if words and len(found) and int(found.max()) > 0x10FFFF:
            raise DamagedError("text with what is no character")
        return found

    def text(self, parts: Iterator[tuple[int, bytes]]) -> str:
        """A name."""
        kind, content = next(parts, (0, b""))
        if kind not in (1, 2, 16) or len(content) > 64:
            raise DamagedError("an array has no name")
        return content.decode("latin-1")
