"""Species and the reference particle: what fixes rigidity, velocity and time dilation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..core.checks import require_kind, require_real, require_text, wrong
from ..core.errors import InvalidValueError, ManySettingsError, require_known
from ..core.scalars import Number, carries, to_float
from ..core.settings import join_numbers, require_settings
from ..core.special import bool_or
from ..core.storage import storable

# CODATA 2022, https://physics.nist.gov/constants; as in scipy.constants, which is slow to load
SPEED_OF_LIGHT = 299_792_458.0
VACUUM_PERMITTIVITY = 8.8541878188e-12
ELEMENTARY_CHARGE = 1.602176634e-19  # C
_REDUCED_PLANCK_C = 197.3269804593e-9  # hbar c [eV m]
_ATOMIC_MASS_EV = 931.49410372 * 1e6
_ELECTRON, _PROTON, _MUON = 0.51099895069 * 1e6, 938.27208943 * 1e6, 105.6583755 * 1e6
_PARTICLES = {  # name: (mass [eV], charge)
    "electron": (_ELECTRON, -1),
    "positron": (_ELECTRON, 1),
    "proton": (_PROTON, 1),
    "antiproton": (_PROTON, -1),
    "muon": (_MUON, -1),
    "antimuon": (_MUON, 1),
    "deuteron": (1875.612945 * 1e6, 1),
    "alpha": (3727.3794118 * 1e6, 2),
}


@storable
@dataclass(frozen=True)
class Species:
    """A particle kind.

    Attributes:
        name: for display.
        mass: rest energy m c^2 [eV].
        charge: charge in elementary charges, with its sign; not zero.
    """

    name: str
    mass: float
    charge: float

    def __post_init__(self) -> None:
        require_text("name of a species", self.name)
        require_real("species mass", self.mass)
        require_real("species charge", self.charge)
        for name in ("mass", "charge"):
            value: Any = getattr(self, name)
            if carries(value):
                raise InvalidValueError(
                    f"species {name} carries a derivative, which tracking would drop: give "
                    "a float, or vary the momentum (Reference.p0c) in its place"
                )
            if isinstance(value, Tensor):
                object.__setattr__(self, name, to_float(value))
        if not (math.isfinite(self.mass) and self.mass > 0):
            raise InvalidValueError(f"species mass must be positive and finite, got {self.mass} eV")
        if not math.isfinite(self.charge) or self.charge == 0:
            raise InvalidValueError(
                f"species charge must be finite and not zero, got {self.charge}"
            )

    @property
    def classical_radius(self) -> float:
        """Classical radius q^2 / (4 pi eps0 m c^2) [m]."""
        energy = 4 * math.pi * VACUUM_PERMITTIVITY * self.mass
        return self.charge**2 * ELEMENTARY_CHARGE / energy

    @property
    def reduced_wavelength(self) -> float:
        """Reduced Compton wavelength hbar / (m c) [m]."""
        return _REDUCED_PLANCK_C / self.mass

    @classmethod
    def from_name(cls, name: str) -> Species:
        """Find a common species by its name, with CODATA masses.

        Raises:
            UnknownNameError: the name is not known; the message gives the nearest.
        """
        require_known("species", name, _PARTICLES)
        return cls(name, *_PARTICLES[name])

    @classmethod
    def ion(cls, mass_u: float, charge: float, name: str = "ion") -> Species:
        """An ion of `mass_u` unified atomic mass units (of the ion, electrons removed).

        Args:
            charge: in units of the elementary charge, with its sign.
            name: for messages and files.
        """
        require_real("mass_u", mass_u, above=0)
        return cls(name, mass_u * _ATOMIC_MASS_EV, charge)


@storable
@dataclass(frozen=True)
class Reference:
    """The reference particle.

    Attributes:
        species: its kind.
        p0c: momentum times c [eV] (of one particle, not per charge); a float, or a 0-d tensor
            that carries a derivative. All that depends on it then carries that too, in plain
            PyTorch in the place of compiled kernels. Many settings, (B,), are computed one after
            another.

    Example:
        >>> pj.Reference.from_kinetic("proton", 1e9).gamma
    """

    species: Species
    p0c: Number

    def __post_init__(self) -> None:
        remedy = 'such as Species.from_name("proton")'
        require_kind("species", self.species, Species, "a Species", remedy)
        p0c: Any = _energy("reference p0c", self.p0c)
        many = isinstance(p0c, Tensor) and (p0c.dim() or carries(p0c))
        object.__setattr__(self, "p0c", p0c.to(torch.float64) if many else to_float(p0c))

    @classmethod
    def from_p0c(cls, species: str | Species, p0c: Number) -> Reference:
        """Make one from the momentum times c.

        Args:
            species: "electron", "proton" and their like by name, or a `Species`.
            p0c: of one particle [eV]; a tensor carries derivatives.

        Raises:
            UnknownNameError: no such species. InvalidValueError: an energy that is none.
        """
        return cls(_species(species), p0c)

    @classmethod
    def from_kinetic(cls, species: str | Species, kinetic_energy: Number) -> Reference:
        """Make one from the kinetic energy.

        Args:
            species, kinetic_energy: [eV], as for `from_p0c`.
        """
        species = _species(species)
        kinetic_energy = _energy("kinetic energy", kinetic_energy)
        # sqrt(T (T + 2 m)) keeps its digits where T is far below m
        return cls(species, _sqrt(kinetic_energy * (kinetic_energy + 2 * species.mass)))

    @classmethod
    def from_total(cls, species: str | Species, total_energy: Number) -> Reference:
        """Make one from the total energy.

        Args:
            species, total_energy: [eV], as for `from_p0c`.
        """
        species = _species(species)
        total_energy = _energy("total energy", total_energy)
        if not _is_true(total_energy > species.mass):
            raise InvalidValueError(
                f"total energy {total_energy} eV is not above the rest energy "
                f"{species.mass} eV of the {species.name}; from_kinetic takes kinetic energies"
            )
        return cls.from_kinetic(species, total_energy - species.mass)

    @classmethod
    def joined(cls, found: Sequence[Reference], batch: torch.Size) -> Reference:
        """Join those found of a batch in a row, of one species; the first, where all are alike."""
        p0c = join_numbers([one.p0c for one in found], batch)
        return found[0] if p0c is found[0].p0c else cls(found[0].species, p0c)

    @property
    def batch(self) -> torch.Size:
        """The shape of the settings of its momentum; () where it has one."""
        return self.p0c.shape if isinstance(self.p0c, Tensor) else torch.Size()

    def detach(self) -> Reference:
        """Return the same with a plain number as its momentum."""
        return self if isinstance(self.p0c, float) else Reference(self.species, to_float(self.p0c))

    def accelerate(self, gain: Number) -> Reference:
        """The reference with another energy, `gain` [eV] above this one.

        Raises:
            InvalidValueError: nothing is left of the kinetic energy.
        """
        if isinstance(gain, Tensor) and gain.dim():
            raise ManySettingsError(
                f"the reference gains {tuple(gain.shape)} energies, and particles move by one; "
                "take one after another"
            )
        require_real("gain", gain)
        kinetic = self.kinetic_energy + gain
        if not _is_true(kinetic > 0):
            raise InvalidValueError(
                f"{self.species.name} of kinetic energy {to_float(self.kinetic_energy):g} eV "
                f"cannot lose {-to_float(gain):g} eV"
            )
        return Reference.from_kinetic(self.species, kinetic)

    @property
    def beta_gamma(self) -> Number:
        return self.p0c / self.species.mass

    @property
    def gamma(self) -> Number:
        momentum = self.beta_gamma
        if isinstance(momentum, Tensor):
            return (1 + momentum * momentum).sqrt()
        return math.hypot(1.0, momentum)

    @property
    def beta(self) -> Number:
        return self.beta_gamma / self.gamma

    @property
    def kinetic_energy(self) -> Number:
        """Kinetic energy [eV]."""
        return self.p0c * self.beta_gamma / (self.gamma + 1)

    @property
    def rigidity(self) -> Number:
        """Magnetic rigidity B rho = p0 / q [T m], with the sign of the charge."""
        return self.p0c / (self.species.charge * SPEED_OF_LIGHT)

    def perveance_per_ampere(self) -> Number:
        """Generalised perveance per ampere of beam current [1/A].

        K = q I / (2 pi eps0 m c^3 (beta gamma)^3), so that the kick over ds on a particle at
        distance r outside a round beam is K ds / r in P/P0.
        Source: M. Reiser, Theory and Design of Charged Particle Beams, sec. 4.2.
        """
        charge = abs(self.species.charge)
        return charge / (
            2
            * math.pi
            * VACUUM_PERMITTIVITY
            * SPEED_OF_LIGHT
            * self.species.mass
            * self.beta_gamma**3
        )


def _energy(label: str, value: Any) -> Number:
    """A positive number [eV]; tensors that carry derivatives stay what they are.

    Raises:
        InvalidValueError: it is none.
    """
    if not isinstance(value, Tensor):
        try:
            value = math.nan if isinstance(value, (str, bytes, bool)) else float(value)
        except (TypeError, ValueError, OverflowError):
            raise InvalidValueError(f"{label} must be a number [eV], got {value!r}") from None
    elif value.dim():
        require_settings(f"{label} [eV]", value)
    if not _is_true((value > 0) & (value < math.inf)):
        raise InvalidValueError(f"{label} must be positive and finite, got {value} eV")
    return value


def _is_true(condition: bool | Tensor) -> bool:
    """Return a condition; True where a transform hides it."""
    if isinstance(condition, Tensor):
        return bool_or(condition.all(), default=True)
    return condition


def _sqrt(number: Number) -> Number:
    return number.sqrt() if isinstance(number, Tensor) else math.sqrt(number)


def require_reference(reference: Any) -> None:
    """Raise InvalidValueError for what is no Reference, or one of many momenta."""
    if isinstance(reference, Reference):
        if batch := reference.batch:
            raise ManySettingsError(
                f"the reference has {tuple(batch)} momenta, and one is needed here; take one after "
                "another"
            )
        return
    inner = isinstance(getattr(reference, "reference", None), Reference)
    remedy = 'such as Reference.from_kinetic("proton", 1e9)'
    raise wrong("reference", reference, "a Reference", "pass its .reference" if inner else remedy)


def _species(species: str | Species) -> Species:
    expected = "a Species or the name of one"
    require_kind("species", species, (str, Species), expected, 'such as "proton"')
    return Species.from_name(species) if isinstance(species, str) else species
