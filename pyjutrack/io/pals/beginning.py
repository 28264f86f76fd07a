"""The reference of a line of PALS."""

from __future__ import annotations

from pathlib import Path

from ...beam.reference import Reference, Species
from ...core.errors import PyJuTrackError
from ..errors import placed_errors
from .language import find_species
from .machine import Machine
from .settings import Items
from .source import Group, Source
from .yaml_tree import Table


def read_reference(path: Path, items: Items, machine: Machine) -> Reference | None:
    """The reference of the BeginningEle that a line begins with, or None.

    Raises:
        LatticeFileError: a momentum or an energy that no particle has.
    """
    for name, table in items[:1]:
        if table.get("kind") != "BeginningEle":
            continue
        say = machine.notes.for_element(name, "BeginningEle")
        source = Source(path, name, table, None, say, machine)
        group = source.group("ReferenceP")
        group.asked.update(("species_ref", "time_ref"))
        momentum, energy = group.fixed("pc_ref"), group.fixed("E_tot_ref")
        source.say_rest()
        if not (momentum or energy):
            return None
        with placed_errors(source.path, group.table.line, f"{name}: ReferenceP"):
            species = _species(source, group)
            if species is None:
                return None
            if momentum:
                return Reference.from_p0c(species, momentum)
            return Reference.from_total(species, energy)
    return None


def _species(source: Source, group: Group) -> Species | None:
    tracking = source.table.get("TrackingP") or {}
    own = tracking.get("pyjutrack")
    if isinstance(own, Table):
        label = f"{source.name}: TrackingP.pyjutrack."
        kept = Group(source.path, label, own, source.machine)
        return Species(str(own.get("species")), kept.fixed("mass"), kept.fixed("charge"))
    name = source.machine.species(str(group.table.get("species_ref") or ""))
    try:
        return find_species(name)
    except PyJuTrackError as error:
        source.say(f"ReferenceP.species_ref: {error}; no reference is read")
        return None
