"""Profiles and images as arrays in an HDF5 file, masks included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .file_errors import metres, wrong
from .profiles import Profiles

VERSION = 1


def read_hdf5(path: Path, file: Any) -> Profiles:
    """Profiles of an open file; see docs/diagnostics.md for the layout.

    Raises:
        MeasurementError: it lacks something, or has it in another shape.
    """
    if "values" not in file or "axis_0" not in file:
        held = ", ".join(sorted(file)) or "nothing"
        raise wrong(path, f"an HDF5 file of profiles has datasets values and axis_0; it has {held}")
    version = int(attribute(path, file, "pyjutrack_profiles", VERSION))
    if version > VERSION:
        raise wrong(path, f"layout {version} is newer than this package, which knows {VERSION}")
    values = array(path, file["values"], "values", (2, 3))
    names = [f"axis_{i}" for i in range(values.ndim - 1) if f"axis_{i}" in file]
    axes = [
        array(path, file[n], n, (1,)) * metres(text(file[n].attrs.get("unit", ""))) for n in names
    ]
    labels = [text(file[n].attrs.get("label", "xy"[i])) for i, n in enumerate(names)]
    found = Profiles(
        values,
        tuple(axes),
        tuple(labels),
        name=text(file.attrs.get("name", "")),
        mask=array(path, file["mask"], "mask", (2, 3)) if "mask" in file else None,  # type: ignore[arg-type]
    )
    # last, so that settings are not blamed for values of a wrong shape
    return found.replace(settings=_settings(path, file, len(values)))


def fill_hdf5(file: Any, profiles: Profiles) -> None:
    """Write profiles into an open, empty file."""
    file.attrs["pyjutrack_profiles"] = VERSION
    file.attrs["name"] = profiles.name
    file["values"] = profiles.values
    if not profiles.mask.all():
        file["mask"] = profiles.mask
    for i, (label, axis) in enumerate(zip(profiles.labels, profiles.axes, strict=True)):
        file[f"axis_{i}"] = axis
        file[f"axis_{i}"].attrs.update({"label": label, "unit": "m"})
    addresses = list(profiles.settings[0])
    if addresses:
        file["settings"] = np.stack([profiles.knob(a) for a in addresses], 1)
        file["settings"].attrs["addresses"] = addresses


def _settings(path: Path, file: Any, profiles: int) -> tuple[dict[str, float], ...]:
    if "settings" not in file:
        return ()
    table = array(path, file["settings"], "settings", (2,))
    addresses = [text(a) for a in np.ravel(file["settings"].attrs.get("addresses", ()))]
    if table.shape != (profiles, len(addresses)):
        raise wrong(
            path,
            f"settings must have shape ({profiles}, {len(addresses)}), a row for each profile in "
            f"values and a column for each of its attribute addresses; got {table.shape}",
        )
    twice = [a for a in addresses if addresses.count(a) > 1]
    if twice:
        raise wrong(path, f"the setting of {twice[0]!r} is given twice; keep one of them")
    return tuple(dict(zip(addresses, map(float, row), strict=True)) for row in table)


def array(path: Path, item: Any, name: str, dimensions: tuple[int, ...]) -> Any:
    """The numbers of a dataset.

    Raises:
        MeasurementError: it is a group, holds no numbers, or has another number of dimensions.
    """
    if not hasattr(item, "shape"):
        raise wrong(path, f"{name} is a group, where a dataset of numbers is needed")
    if item.shape is None or item.dtype.kind not in "biuf":
        raise wrong(path, f"{name} holds no numbers, which are needed there")
    if len(item.shape) not in dimensions:
        wanted = " or ".join(map(str, dimensions))
        raise wrong(path, f"{name} has shape {item.shape}, where {wanted} dimensions are needed")
    return item[...]


def attribute(path: Path, item: Any, name: str, default: Any) -> Any:
    """A number, or several, of an attribute.

    Raises:
        MeasurementError: it is none.
    """
    found = item.attrs.get(name, default)
    try:
        several = np.asarray(found, dtype=np.float64)
    except (TypeError, ValueError):
        several = np.array(np.nan)
    one = np.ndim(default) == 0
    if not np.isfinite(several).all() or (one and several.size != 1):
        raise wrong(
            path,
            f"attribute {name} of {item.name} is {found!r}, where "
            f"{'a finite number is' if one else 'finite numbers are'} needed",
        )
    return several.item() if one else np.atleast_1d(several)


def text(value: Any) -> str:
    """An attribute as text, however it was written."""
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(-1)[0]
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
