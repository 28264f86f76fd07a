"""Files that hold no twin, and twins that no file holds: a clear word why not."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from live_cases import line, small, weights
from safetensors.torch import save_file
from twin_cases import beam, wires

import pyjutrack as pj
from pyjutrack import diagnostics as dg
from pyjutrack.core import tensorfile
from pyjutrack.twin import Twin


@dataclasses.dataclass(frozen=True, kw_only=True)
class Unheard(dg.BeamPosition):
    """A diagnostic that is not registered for files."""


@pytest.mark.parametrize("path", [3, None, ""])
def test_a_path_is_asked_for(path: object) -> None:
    for call in (small().save, Twin.load):
        with pytest.raises(pj.errors.InvalidValueError, match="path must be the path of a file"):
            call(path)  # type: ignore[arg-type]


def test_kinds_that_no_file_holds_are_named(tmp_path: Path) -> None:
    twin = small(diagnostics=[*wires(), Unheard("end")])
    with pytest.raises(
        pj.errors.InvalidValueError, match=r"Unheard at twin.diagnostics.2.*storable"
    ):
        twin.save(tmp_path / "twin.safetensors")
    asked = beam(400).coordinates.requires_grad_()
    with pytest.raises(pj.errors.InvalidValueError, match=r"twin.beam.coordinates carries.*detach"):
        small(beam=beam(400).replace(coordinates=asked)).save(tmp_path / "twin.safetensors")
    weighted = line().with_values({"field.weights": weights(1).requires_grad_()})
    with pytest.raises(pj.errors.InvalidValueError, match="weights carries derivatives"):
        small(lattice=weighted).save(tmp_path / "twin.safetensors")
    assert list(tmp_path.iterdir()) == []


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _foreign(path: Path) -> None:
    save_file({"a": torch.zeros(3)}, str(path))


def _text(path: Path) -> None:
    path.write_text("settings")


def _changed(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (_truncated, "no whole safetensors file"),
        (_text, "no whole safetensors file"),
        (_foreign, "no twin of this package"),
        (_changed, "digest does not match; take a fresh copy, or save it again"),
        (Path.unlink, "no file of a twin at .*twin.safetensors"),
    ],
)
def test_damage_is_reported(tmp_path: Path, damage: Callable[[Path], None], word: str) -> None:
    path = tmp_path / "twin.safetensors"
    small().save(path)
    damage(path)
    with pytest.raises(pj.errors.InvalidValueError, match=word):
        Twin.load(path)


def _edited(path: Path, edit: Callable[[dict], object]) -> None:
    """A file with another description, and the digest that belongs to it."""
    described, tensors, _ = tensorfile.read(path, holds="twin")
    edit(described)
    tensorfile.write(path, described, tensors, holds="twin")


@pytest.mark.parametrize(
    ("edit", "word"),
    [
        (lambda d: d["fields"].pop("beam"), "beam"),
        (
            lambda d: d["fields"].update(effects=[{"kind": "Ripple", "fields": {}}]),
            "Ripple.*storable",
        ),
        (lambda d: d["fields"].update(effects=[{"kind": "os.system", "fields": {}}]), "os.system"),
        (lambda d: d["fields"].update(diagnostics={"tensor": "nowhere"}), "nowhere"),
        (lambda d: d["fields"].update(diagnostics={"other": 1, "word": 2}), "describe"),
        (lambda d: d["fields"].update(lattice={"kind": "Lattice", "of": 3}), "lattice"),
        (lambda d: d.update(kind="Unknown", fields={"address": "q1.k1"}), "holds a Unknown"),
        (lambda d: d.clear(), "describe"),
    ],
)
def test_what_describes_no_twin(tmp_path: Path, edit, word: str) -> None:
    path = tmp_path / "twin.safetensors"
    small().save(path)
    _edited(path, edit)
    with pytest.raises(pj.errors.InvalidValueError, match=word):
        Twin.load(path)
