"""Text files, read whole."""

from __future__ import annotations

from pathlib import Path

from .errors import wrong


def text_of(path: Path) -> str:
    """The text of a file.

    Raises:
        LatticeFileError: there is no such file, it is no text in UTF-8, or it is empty.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise wrong(path, f"cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise wrong(path, f"not a text file: {error}") from error
    if "\0" in text:
        raise wrong(path, "not a text file: it holds zero bytes")
    if not text.strip():
        raise wrong(path, "the file is empty")
    return text
