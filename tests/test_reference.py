"""Species and reference particle, against CODATA masses in kilogrammes and plain kinematics."""

from __future__ import annotations

import math

import pytest
from scipy import constants as si

import pyjutrack as pj

C, E = si.c, si.e


def ev(kilogrammes: float) -> float:
    return kilogrammes * C**2 / E


@pytest.mark.parametrize(
    ("name", "mass", "charge"),
    [
        ("electron", si.m_e, -1),
        ("positron", si.m_e, 1),
        ("proton", si.m_p, 1),
        ("antiproton", si.m_p, -1),
        ("muon", si.value("muon mass"), -1),
        ("antimuon", si.value("muon mass"), 1),
        ("deuteron", si.value("deuteron mass"), 1),
        ("alpha", si.value("alpha particle mass"), 2),
    ],
)
def test_species_have_codata_masses(name: str, mass: float, charge: int) -> None:
    species = pj.Species.from_name(name)
    assert species.mass == pytest.approx(ev(mass), rel=1e-9)
    assert species.charge == charge


def test_kinematics_of_one_gev_kinetic_protons(proton: pj.Reference) -> None:
    assert proton.gamma == pytest.approx(2.065789, abs=5e-7)
    assert proton.beta_gamma == pytest.approx(1.807618, abs=5e-7)
    assert proton.beta == pytest.approx(proton.beta_gamma / proton.gamma, rel=1e-15)
    assert proton.kinetic_energy == pytest.approx(1e9, rel=1e-15)


@pytest.mark.parametrize("kinetic", [1e-6, 1.0, 1e3, 5.2e8, 7e12])
@pytest.mark.parametrize("name", ["electron", "proton"])
def test_kinetic_energy_survives_the_round_trip(name: str, kinetic: float) -> None:
    mass = pj.Species.from_name(name).mass
    reference = pj.Reference.from_kinetic(name, kinetic)
    # (pc)^2 = T^2 + 2 T m c^2, without E^2 - m^2, which loses every digit of a slow particle
    assert reference.p0c == pytest.approx(math.hypot(kinetic, math.sqrt(2 * kinetic * mass)))
    assert reference.kinetic_energy == pytest.approx(kinetic, rel=1e-14)
    assert reference.gamma - 1 == pytest.approx(kinetic / mass, rel=1e-9, abs=3e-16)


def test_slow_particles_obey_newton() -> None:
    slow = pj.Reference.from_kinetic("proton", 1e-4)
    assert slow.beta == pytest.approx(math.sqrt(2 * 1e-4 * E / si.m_p) / C, rel=1e-9)


@pytest.mark.parametrize("name", ["electron", "alpha"])
@pytest.mark.parametrize("kinetic", [1e7, 3e9])
def test_constructors_agree(name: str, kinetic: float) -> None:
    mass = pj.Species.from_name(name).mass
    by_kinetic = pj.Reference.from_kinetic(name, kinetic)
    by_total = pj.Reference.from_total(name, kinetic + mass)
    by_momentum = pj.Reference.from_p0c(pj.Species.from_name(name), by_kinetic.p0c)
    assert by_total.p0c == pytest.approx(by_kinetic.p0c, rel=1e-13)
    assert by_momentum == by_kinetic
    assert by_kinetic.p0c == pytest.approx(math.sqrt((kinetic + mass) ** 2 - mass**2), rel=1e-10)


def test_ions_carry_their_mass_and_charge() -> None:
    uranium = pj.Species.ion(238.0354, 28, "U28+")
    assert uranium.mass == pytest.approx(ev(238.0354 * si.atomic_mass), rel=1e-9)
    assert (uranium.name, uranium.charge) == ("U28+", 28)
    reference = pj.Reference.from_kinetic(uranium, 1e9)
    assert reference.rigidity == pytest.approx(reference.p0c / 28 / C, rel=1e-15)


def test_rigidity_is_3_3356_tesla_metre_per_gev_with_the_sign_of_the_charge() -> None:
    assert pj.Reference.from_p0c("proton", 1e9).rigidity == pytest.approx(3.3356409520, rel=1e-10)
    assert pj.Reference.from_p0c("electron", 1e9).rigidity == pytest.approx(
        -3.3356409520, rel=1e-10
    )
    assert pj.Reference.from_p0c("alpha", 1e9).rigidity == pytest.approx(1.6678204760, rel=1e-10)


def test_perveance(proton: pj.Reference) -> None:
    assert 200 * proton.perveance_per_ampere() == pytest.approx(2.16387e-6, rel=3e-6)
    # in kilogrammes and coulombs, and by the Alfven current I0 = 4 pi eps0 m c^3 / q
    i0 = 4 * math.pi * si.epsilon_0 * si.m_p * C**3 / E
    reiser = 2 / (i0 * (proton.beta * proton.gamma) ** 3)
    assert proton.perveance_per_ampere() == pytest.approx(reiser, rel=1e-9)


def test_perveance_is_positive_and_grows_with_charge_over_mass() -> None:
    plus, minus = (pj.Reference.from_kinetic(n, 1e9) for n in ("proton", "antiproton"))
    assert minus.perveance_per_ampere() == plus.perveance_per_ampere() > 0
    double = pj.Species("double", plus.species.mass, 2)
    twice = pj.Reference(double, plus.p0c).perveance_per_ampere()
    assert twice == pytest.approx(2 * plus.perveance_per_ampere(), rel=1e-15)


def test_unknown_species_names_the_nearest() -> None:
    with pytest.raises(pj.errors.UnknownNameError, match=r"'protn'.*did you mean 'proton'"):
        pj.Reference.from_kinetic("protn", 1e9)


def test_total_energy_below_the_rest_energy() -> None:
    with pytest.raises(pj.errors.InvalidValueError, match=r"rest energy .* proton; from_kinetic"):
        pj.Reference.from_total("proton", 0.8e9)


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0, 0.0])
@pytest.mark.parametrize("constructor", ["from_kinetic", "from_total", "from_p0c"])
def test_energies_that_no_particle_has(constructor: str, value: float) -> None:
    with pytest.raises(pj.errors.InvalidValueError, match=r"energy|p0c"):
        getattr(pj.Reference, constructor)("proton", value)


@pytest.mark.parametrize(("mass", "charge"), [(1e9, 0), (1e9, math.nan), (0, 1), (math.nan, 1)])
def test_species_that_cannot_be(mass: float, charge: float) -> None:
    with pytest.raises(pj.errors.InvalidValueError, match=r"mass|charge"):
        pj.Species("impossible", mass, charge)


def test_reference_is_frozen(proton: pj.Reference) -> None:
    with pytest.raises(AttributeError):
        proton.p0c = 1.0  # type: ignore[misc]
