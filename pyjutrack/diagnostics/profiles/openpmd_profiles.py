"""Profiles and images as meshes of an openPMD series in one HDF5 file: an iteration for each.

Source: the openPMD standard 1.1.0, A. Huebl et al., doi:10.5281/zenodo.1167843.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import unknown
from .file_errors import wrong
from .hdf5_profiles import array, attribute, text
from .profiles import Array, Profiles
from .rebinning import plane_of

RECORD = "profile"
#: of an iteration: the addresses of its settings, and their values
_ADDRESSES, _VALUES = "pyjutrackAddresses", "pyjutrackSettings"


def read_openpmd(path: Path, file: Any, record: str | None) -> Profiles:
    """Profiles of an open series.

    Raises:
        MeasurementError: no mesh, several and none is named, axes that change.
        UnknownNameError: no mesh of that name.
    """
    base, found = text(file.attrs.get("basePath", "/data/%T/")), []
    group = file.get(base.partition("%T")[0])
    numbers = sorted((n for n in _items(group) if n.isdecimal()), key=int)
    if "%T" not in base or not numbers:
        raise wrong(path, f"there are no iterations under basePath {base!r}")
    meshes = text(file.attrs.get("meshesPath", "meshes/")).strip("/")
    settings = []
    for number in numbers:
        iteration = group[number]
        record, values, axes, labels = _mesh(path, iteration, meshes, record)
        found.append((values, axes, labels))
        addresses = [text(a) for a in np.ravel(iteration.attrs.get(_ADDRESSES, ()))]
        values_of = attribute(path, iteration, _VALUES, ())
        if len(addresses) != len(values_of):
            raise wrong(path, f"iteration {number}: {_ADDRESSES} and {_VALUES} differ in length")
        settings.append(dict(zip(addresses, map(float, values_of), strict=True)))
    _, axes, labels = found[0]
    for number, (_, other, own) in zip(numbers, found, strict=True):
        same = own == labels and all(
            len(a) == len(b) and np.allclose(a, b, rtol=0, atol=1e-9)
            for a, b in zip(axes, other, strict=True)
        )
        if not same:
            raise wrong(
                path,
                f"the axes of iteration {number} differ from those of the first; "
                "write series of their own",
            )
    name = text(file.attrs.get("pyjutrackName", record))
    return Profiles(np.stack([v for v, _, _ in found]), axes, labels, tuple(settings), name)


def _mesh(
    path: Path, iteration: Any, meshes: str, record: str | None
) -> tuple[str, Array, tuple[Array, ...], tuple[str, ...]]:
    """Name, values, axes and labels of the mesh of an iteration."""
    known = _components(_items(iteration).get(meshes))
    if not known:
        raise wrong(path, f"{iteration.name} has no mesh under {meshes!r}")
    if record is None and len(known) > 1:
        raise wrong(path, f"there are several meshes; name one with record=: {', '.join(known)}")
    chosen = record or next(iter(known))
    if chosen not in known:
        raise unknown(f"mesh of {path}", chosen, known)
    component, mesh = known[chosen]
    values = array(path, component, f"mesh {component.name!r}", (1, 2))
    values = values * attribute(path, component, "unitSI", 1.0)
    shape = mesh.attrs
    absent = [a for a in ("axisLabels", "gridSpacing", "gridGlobalOffset") if a not in shape]
    if absent:
        raise wrong(
            path, f"mesh {chosen!r} lacks {', '.join(absent)}, so that its axes are unknown"
        )
    labels = [text(label) for label in np.atleast_1d(shape["axisLabels"])]
    spacing, offset = (attribute(path, mesh, a, ()) for a in ("gridSpacing", "gridGlobalOffset"))
    unit = _of_each(path, mesh, "gridUnitSI", 1.0, values.ndim)
    inside = _of_each(path, component, "position", 0.0, values.ndim)
    if not len(labels) == len(spacing) == len(offset) == values.ndim:
        raise wrong(
            path,
            f"mesh {chosen!r} has {values.ndim} dimensions, and {len(labels)} "
            f"axisLabels, {len(spacing)} gridSpacing, {len(offset)} gridGlobalOffset",
        )
    order = slice(None, None, -1 if text(shape.get("dataOrder", "C")) == "F" else 1)
    axes = [
        float(u) * (float(o) + (np.arange(n) + float(p)) * float(h))
        for n, u, o, p, h in zip(
            values.shape, unit[order], offset[order], inside[order], spacing[order], strict=True
        )
    ]
    labels = labels[order]
    if [plane_of(label) for label in labels] == ["y", "x"]:
        return chosen, values.T, (axes[1], axes[0]), (labels[1], labels[0])
    return chosen, values, tuple(axes), tuple(labels)


def _of_each(path: Path, item: Any, name: str, default: float, dimensions: int) -> Array:
    """An attribute that has one number, or one for each dimension."""
    found = attribute(path, item, name, [default])
    if len(found) not in (1, dimensions):
        raise wrong(
            path,
            f"attribute {name} of {item.name} has {len(found)} numbers for {dimensions} dimensions",
        )
    return np.broadcast_to(found, dimensions)


def _components(group: Any) -> dict[str, tuple[Any, Any]]:
    """Arrays of the meshes by name, "record" or "record/component", and what holds their axes."""
    found = {}
    for name, item in _items(group).items():
        if hasattr(item, "shape"):
            found[name] = (item, item)
            continue
        parts = _items(item).items()
        found |= {f"{name}/{part}": (a, item) for part, a in parts if hasattr(a, "shape")}
    return found


def _items(group: Any) -> Any:
    """A group as a mapping; one without anything if it is a dataset, or not there."""
    return group if hasattr(group, "items") else {}


def fill_openpmd(file: Any, profiles: Profiles) -> None:
    """Write a series into an open, empty file."""
    file.attrs.update(
        {
            "openPMD": np.bytes_("1.1.0"),
            "openPMDextension": np.uint32(0),
            "basePath": np.bytes_("/data/%T/"),
            "meshesPath": np.bytes_("meshes/"),
            "iterationEncoding": np.bytes_("groupBased"),
            "iterationFormat": np.bytes_("/data/%T/"),
            "software": np.bytes_("pyjutrack"),
            "pyjutrackName": profiles.name or RECORD,
        }
    )
    spacing = [(a[-1] - a[0]) / (len(a) - 1) for a in profiles.axes]
    offset = [a[0] - h / 2 for a, h in zip(profiles.axes, spacing, strict=True)]
    for number, (values, settings) in enumerate(
        zip(profiles.values, profiles.settings, strict=True)
    ):
        iteration = file.create_group(f"data/{number}")
        iteration.attrs.update({"time": 0.0, "dt": 1.0, "timeUnitSI": 1.0})
        if settings:
            iteration.attrs[_ADDRESSES] = list(settings)
            iteration.attrs[_VALUES] = np.array(list(settings.values()))
        mesh = iteration.create_dataset(f"meshes/{RECORD}", data=values)
        mesh.attrs.update(
            {
                "geometry": np.bytes_("cartesian"),
                "dataOrder": np.bytes_("C"),
                "axisLabels": np.array(profiles.labels, "S"),
                "gridSpacing": np.array(spacing),
                "gridGlobalOffset": np.array(offset),
                "gridUnitSI": 1.0,
                "unitDimension": np.zeros(7),
                "timeOffset": 0.0,
                "unitSI": 1.0,
                "position": np.full(len(spacing), 0.5),
            }
        )
