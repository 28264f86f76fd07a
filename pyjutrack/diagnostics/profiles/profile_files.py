"""Files of measured profiles: CSV, HDF5, and openPMD meshes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ...core.atomic import write_hdf5, write_text
from ...core.checks import require_kind, require_path, require_text, require_texts
from ...core.errors import MeasurementError, PyJuTrackError, require_known
from ...core.hdf5_check import find_damage, is_hdf5
from ...io.optional import optional
from .csv_profiles import csv_text, read_csv
from .file_errors import wrong
from .hdf5_profiles import fill_hdf5, read_hdf5
from .openpmd_profiles import fill_openpmd, read_openpmd
from .profile_checks import settings_of
from .profiles import Profiles
from .saturation import Saturated

_CSV = (".csv", ".txt")
#: what HDF5 and NumPy say of files that are damaged
_DAMAGED = (OSError, LookupError, TypeError, ValueError, RuntimeError, ArithmeticError, MemoryError)
_FORMATS = ("csv", "hdf5", "openpmd")


def read_profiles(
    path: str | Path,
    *,
    record: str | None = None,
    settings: Sequence[Mapping[str, float]] | None = None,
    needs: str | Sequence[str] = (),
    saturated: Saturated = "refuse",
) -> Profiles:
    """Read the profiles of one instrument; docs/diagnostics.md has the layouts.

    Args:
        path: CSV if the suffix is .csv or .txt, otherwise HDF5: an openPMD series if the file says
            so, or else our own layout.
        record: name of the mesh of an openPMD file, where it has several.
        settings: of each profile, added to those of the file, and before them.
        needs: addresses that the settings must have, such as ["q1.k1"]; a string is one of them.
        saturated: what is done with saturated pixels, see `Profiles.without_saturation`.

    Raises:
        MeasurementError: there is no such file, or it does not hold what it should; the message
            names the file, and the line, row or pixel, and the remedy. As for `Profiles`.
        MissingPackageError: h5py is not installed.
    """
    path = require_path("path", path)
    if record is not None:
        require_text("record", record)
    if not isinstance(needs, str):
        needs = require_texts("needs", needs, "an address or a list of addresses")
    if not path.is_file():
        raise wrong(path, "there is no such file")
    try:
        found = _read(path, record)
        if settings is not None:
            settings = settings_of(settings)
            if len(settings) != len(found):
                raise MeasurementError(
                    f"{len(settings)} settings were given for {len(found)} profiles"
                )
            both = zip(found.settings, settings, strict=True)
            found = found.replace(settings=tuple({**of_file, **given} for of_file, given in both))
        needed = (needs,) if isinstance(needs, str) else tuple(needs)
        missing = [address for address in needed if address not in found.settings[0]]
        if missing:
            raise MeasurementError(
                f"the settings lack {', '.join(missing)}; add them to the file, or give them with "
                "settings=[{...}, ...], one for each profile"
            )
        return found.without_saturation(saturated)
    except MeasurementError as error:
        if str(error).startswith(str(path)):
            raise
        raise wrong(path, str(error)) from error


def _read(path: Path, record: str | None) -> Profiles:
    if path.suffix.lower() in _CSV:
        return read_csv(path)
    h5py = optional("h5py", "h5py", "openpmd")
    if not is_hdf5(path):
        raise wrong(path, "neither HDF5 nor, by its suffix, CSV (.csv)")
    fault = find_damage(path)
    if fault is not None:
        raise wrong(path, fault)
    try:
        with h5py.File(path, "r") as file:
            if "openPMD" in file.attrs:
                return read_openpmd(path, file, record)
            return read_hdf5(path, file)
    except PyJuTrackError:
        raise
    except _DAMAGED as error:
        raise wrong(path, f"the file cannot be read: {type(error).__name__}: {error}") from error


def write_profiles(path: str | Path, profiles: Profiles, *, format: str | None = None) -> None:
    """Write profiles with their settings, whole or not at all.

    Args:
        path: of the file, which is replaced.
        profiles: what to write; numbers come back as they were, axes of openPMD to rounding.
        format: "csv" for profiles in one dimension, "hdf5", or "openpmd"; by default, CSV for
            .csv and .txt, and otherwise "hdf5".

    Raises:
        MeasurementError: images, or masked pixels, in a format that has no place for them; in CSV,
            settings that are no addresses.
        UnknownNameError: another format. MissingPackageError: h5py is not installed.
        WriteError: the disk is full, say; a former file is kept.
    """
    path = require_path("path", path)
    require_kind("profiles", profiles, Profiles, "Profiles")
    chosen = format if format is not None else ("csv" if path.suffix.lower() in _CSV else "hdf5")
    require_known("format of profiles", chosen, _FORMATS)
    if chosen != "hdf5" and not profiles.mask.all():
        raise wrong(path, f'{chosen} files have no masks; write them with format="hdf5"')
    if chosen == "csv":
        if len(profiles.axes) != 1:
            raise wrong(path, 'a CSV file has no images; write them with format="hdf5"')
        try:
            whole = csv_text(profiles)
        except MeasurementError as error:
            raise wrong(path, str(error)) from None
        write_text(path, whole)
        return
    h5py = optional("h5py", "h5py", "openpmd")
    fill = fill_hdf5 if chosen == "hdf5" else fill_openpmd
    write_hdf5(path, h5py, lambda file: fill(file, profiles))
