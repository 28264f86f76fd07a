"""Names of other packages that signatures use, and where these packages describe them.

Sphinx takes such lists from the packages' sites; these few are written here, so that the site
builds without a network.
"""

from __future__ import annotations

import zlib
from pathlib import Path

#: package to its site, and name to (kind, page); the place on a page is the name itself
SITES: dict[str, tuple[str, dict[str, tuple[str, str]]]] = {
    "torch": (
        "https://docs.pytorch.org/docs/stable",
        {
            "torch.Tensor": ("class", "tensors.html"),
            "torch.device": ("class", "tensor_attributes.html"),
            "torch.dtype": ("class", "tensor_attributes.html"),
            "torch.nn.Module": ("class", "generated/torch.nn.Module.html"),
        },
    ),
    "numpy": (
        "https://numpy.org/doc/stable",
        {
            "numpy.float64": ("class", "reference/arrays.scalars.html"),
            "numpy.ndarray": ("class", "reference/generated/numpy.ndarray.html"),
            "numpy.typing.ArrayLike": ("data", "reference/typing.html"),
            "numpy.typing.NDArray": ("data", "reference/typing.html"),
        },
    ),
    "python": (
        "https://docs.python.org/3",
        {
            "collections.abc.Callable": ("class", "library/collections.abc.html"),
            "collections.abc.Iterable": ("class", "library/collections.abc.html"),
            "collections.abc.Mapping": ("class", "library/collections.abc.html"),
            "collections.abc.Sequence": ("class", "library/collections.abc.html"),
            "pathlib.Path": ("class", "library/pathlib.html"),
            "typing.Any": ("data", "library/typing.html"),
            "typing.Literal": ("data", "library/typing.html"),
        },
    ),
}


def write_inventories(folder: Path) -> dict[str, tuple[str, str]]:
    """Write a file for each package, and return what `intersphinx_mapping` is to be."""
    folder.mkdir(parents=True, exist_ok=True)
    mapping = {}
    for package, (site, names) in SITES.items():
        lines = [f"{n} py:{kind} 1 {page}#$ -" for n, (kind, page) in names.items()]
        head = f"# Sphinx inventory version 2\n# Project: {package}\n# Version: \n"
        head += "# The remainder of this file is compressed using zlib.\n"
        file = folder / f"{package}.inv"
        file.write_bytes(head.encode() + zlib.compress("\n".join(lines).encode() + b"\n"))
        mapping[package] = (site, str(file))
    return mapping
