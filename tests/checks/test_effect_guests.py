"""Effects that break a promise of the protocol are told so, each in words that say what to do."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch

import pyjutrack as pj
from pyjutrack.collective import Resonator
from pyjutrack.testing import CheckFailedError, check_effect

PROTON = pj.Reference.from_kinetic("proton", 1e9)
CELL = pj.Lattice(
    [
        pj.Quadrupole(0.2, 2.0, name="q"),
        pj.Marker(name="tank"),
        pj.Drift(1.0, name="d"),
        pj.Marker(name="end"),
    ]
)
ROWS = 1e-3 * torch.randn(
    100, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64
) + torch.tensor([2e-4, 0, 0, 0, 1e-4, 0], dtype=torch.float64)
BUNCH = pj.Beam(PROTON, ROWS, charge=1e-9)


@dataclass(frozen=True)
class Wake(pj.CollectiveEffect):
    """Kicks all by the mean position [1/(m C)]."""

    at: str = "tank"
    strength: float = 1e7
    lumped = reversible = weighted = True

    def slices(self, element):
        return int(element.name == self.at)

    def field(self, beam, state, place, memory):
        x = torch.where(state.alive, state.coordinates[0], 0.0)
        return self.strength * beam.charge * (beam.shares * x).sum(-1, keepdim=True)

    def apply(self, state, field, place):
        x, px, *others = state.coordinates
        kicked = torch.where(state.alive, px + field, px)
        return state._replace(coordinates=(x, kicked, *others))


class Ringing(Wake):
    """Adds what is left of former turns."""

    def start(self, beam):
        return ()

    def field(self, beam, state, place, memory):
        return super().field(beam, state, place, memory) + sum(memory)

    def remember(self, memory, field, place):
        return (*memory, 0.5 * field)


class Detached(Ringing):
    def remember(self, memory, field, place):
        return (*memory, 0.5 * field.detach())


class InPlace(Ringing):
    def start(self, beam):
        return []

    def remember(self, memory, field, place):
        memory.append(0.5 * field)
        return memory


class Shared(Ringing):
    kept: list = []  # noqa: RUF012  # the fault

    def start(self, beam):
        return ()

    def remember(self, memory, field, place):
        Shared.kept.append(0.5 * field.detach())
        return tuple(Shared.kept)


class MovesLost(Wake):
    def apply(self, state, field, place):
        x, px, *others = state.coordinates
        return state._replace(coordinates=(x, px + field, *others))


@dataclass(frozen=True)
class Along(Wake):
    """Acts along lengths, by what each metre does."""

    max_step: float = 0.1
    lumped = False

    def slices(self, element):
        return pj.CollectiveEffect.slices(self, element)

    def field(self, beam, state, place, memory):
        return super().field(beam, state, place, memory) * place.ds


class ByShare(Along):
    def field(self, beam, state, place, memory):
        whole = Wake.field(self, beam, state, place, memory)
        return whole * place.share * place.element.length


class NoLength(Along):
    field = Wake.field


class SquareLength(Along):
    def field(self, beam, state, place, memory):
        return super().field(beam, state, place, memory) * place.ds


class OtherInPlace(Wake):
    """Kicks by the whole field in place, and by a thousandth more otherwise."""

    def apply(self, state, field, place):
        return super().apply(state, 1.001 * field, place)

    def apply_in_place(self, columns, alive, field, place):
        columns[1][alive.numpy()] += float(field)
        return True


class DefaultPrecision(Wake):
    """Has a factor in PyTorch's default precision."""

    def field(self, beam, state, place, memory):
        return super().field(beam, state, place, memory) * (0.1 * torch.arange(3, 4))


GUESTS = {
    "another kick in place": (OtherInPlace(), r"`apply_in_place` differs from `apply`: px"),
    "detached memory": (Detached(), r"d/d .*over 3 turns, through the memory"),
    "memory in place": (InPlace(), r"`remember` changes the memory"),
    "shared memory": (Shared(), r"second call must give the same: p?x of particle"),
    "default precision": (DefaultPrecision(), r"default precision must not matter: p?x.*dtype="),
    "moves the lost": (MovesLost(), r"lost particles must stay where they are: px"),
    "no length": (NoLength(), r"Half the length must have half the kick: px.*place\.ds"),
    "square of the length": (SquareLength(), r"Half the length must have half the kick: px"),
}


@pytest.mark.parametrize("effect", [Wake(), Ringing(), Along(), ByShare()], ids=repr)
def test_sound_effects_pass(effect: pj.CollectiveEffect) -> None:
    check_effect(effect, BUNCH, CELL, knobs=["strength"])


def test_a_beam_with_losses_at_nan() -> None:
    rows = ROWS.clone()
    rows[:5] = torch.nan
    beam = BUNCH.replace(coordinates=rows, alive=torch.arange(len(rows)) >= 5)
    check_effect(Ringing(), beam, CELL, knobs=["strength"])


def test_our_wake_that_rings_passes() -> None:
    mode = Resonator(frequency=5e9, shunt=1e6, quality=1.4)
    effect = pj.collective.Wake(mode, "tank", window=0.012, cells=60, period=1e-10)
    electron = pj.Reference.from_kinetic("electron", 1e9)
    check_effect(effect, BUNCH.replace(reference=electron), CELL, knobs=["function.shunt"])


@pytest.mark.parametrize("name", GUESTS)
def test_a_fault_is_named(name: str) -> None:
    effect, said = GUESTS[name]
    with pytest.raises(CheckFailedError, match=said):
        check_effect(effect, BUNCH, CELL, knobs=["strength"])


class NoField(pj.CollectiveEffect):
    max_step = 0.1


class NoApply(NoField):
    field = Wake.field


class NotLumped(Wake):
    lumped = False


class ByNumber(Wake):
    def field(self, beam, state, place, memory):
        return self.strength * beam.charge * state.coordinates[0][..., :1]


class NoBatch(Wake):
    def field(self, beam, state, place, memory):
        return super().field(beam, state, place, memory).sum()


class Damper(Wake):
    """Kicks by what it changes, the mean of px."""

    def field(self, beam, state, place, memory):
        px = torch.where(state.alive, state.coordinates[1], 0.0)
        return self.strength * beam.charge * (beam.shares * px).sum(-1, keepdim=True)


MESSAGES = {
    "damper": (Damper(), {}, r"reverse reversible: .*do not state `reversible`"),
    "no field": (NoField(), {}, r"define field\(self, beam, state, place, memory\)"),
    "no apply": (NoApply(), {}, r"define apply\(self, state, field, place\)"),
    "no such knob": (Wake(), {"knobs": ["nope"]}, r"no field 'nope'; it has at, strength"),
    "one text": (Wake(), {"knobs": "strength"}, r"knobs must be a list of names"),
    "another place": (Wake("tnak"), {}, r"acts nowhere in this lattice: .*named .tnak."),
    "not lumped": (
        NotLumped(),
        {},
        r"along lengths, and Marker .* has none; say `lumped = True`",
    ),
    "no charge": (Wake(), {"charge": 0.0}, r"changes nothing.*the beam has no charge"),
    "no strength": (Wake(strength=0.0), {}, r"changes nothing.*strength is zero"),
    "by number": (ByNumber(), {}, r"order of the particles must not matter: p?x of particle"),
    "no batch": (NoBatch(), {}, r"in a batch must move as it does alone: p?x of particle.*keepdim"),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_messages_say_what_to_do(name: str) -> None:
    effect, changes, said = MESSAGES[name]
    beam = BUNCH.replace(charge=changes.get("charge", 1e-9))
    with pytest.raises(CheckFailedError, match=said):
        check_effect(effect, beam, CELL, knobs=changes.get("knobs", ()))
