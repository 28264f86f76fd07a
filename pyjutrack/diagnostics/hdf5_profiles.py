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
    version = int(file.attrs.get("pyjutrack_profiles", VERSION))
    if version > VERSION:
        raise wrong(path, f"layout {version} is newer than this package, which knows {VERSION}")
    values = file["values"][...]
    found = [file[f"axis_{i}"] for i in range(values.ndim - 1) if f"axis_{i}" in file]
    axes = [a[...] * metres(text(a.attrs.get("unit", ""))) for a in found]
    labels = [text(a.attrs.get("label", "xy"[i : i + 1])) for i, a in enumerate(found)]
    return Profiles(
        values,
        tuple(axes),
        tuple(labels),
        settings=_settings(path, file, len(values)),
        name=text(file.attrs.get("name", "")),
        mask=file["mask"][...] if "mask" in file else None,  # type: ignore[arg-type]
    )


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
    table = file["settings"]
    addresses = [text(a) for a in table.attrs.get("addresses", ())]
    if table.shape != (profiles, len(addresses)):
        raise wrong(
            path,
            f"settings must have shape ({profiles}, {len(addresses)}), a row for each profile and "
            f"a column for each of its attribute addresses; got {table.shape}",
        )
    return tuple(dict(zip(addresses, map(float, row), strict=True)) for row in table[...])


def text(value: Any) -> str:
    """An attribute as text, however it was written."""
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(-1)[0]
    return value.decode() if isinstance(value, bytes) else str(value)
