"""Linear optics of rings and lines, differentiable in every parameter."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from ..beam.reference import Reference, require_reference
from ..core.checks import require_flag, require_real, require_whole
from ..core.errors import InvalidValueError
from ..core.scalars import Number, tensor_like, to_float
from ..core.transforms import numeric
from ..lattice.batch import batch_of, require_one
from ..lattice.lattice import Lattice
from ..lattice.require import require_lattice
from .accelerated import Line
from .many import in_one_pass
from .modes import normal_modes_4d
from .orbit import Closing, differentiable, find, passage, start
from .passing import Passage, pairwise_products
from .places import Places, cut
from .stacks import column
from .symplecticity import warn_if_not_symplectic
from .table import Twiss, TwissTable, require_twiss
from .within import Rows

#: relative change of the reference's momentum that is rounding
_SAME = 1e-12


@numeric
def linear_optics(
    lattice: Lattice,
    reference: Reference,
    *,
    delta: Number = 0.0,
    initial: Twiss | None = None,
    chromatic: bool = False,
    max_step: float | None = None,
    order: int = 2,
) -> TwissTable:
    """Optics as tensors, differentiable in all tensors among the arguments.

    All elements of a kind are linearised in one call, at all their places on the closed orbit.
    Derivatives of the orbit come from its closure.

    Along a line that accelerates the reference momenta are in units of that at each place, and
    beta, alpha and phases those of the motion without the damping: the transverse block of the map
    is symplectic but for the ratio of the momenta, by whose root it is divided. A matched beam has
    the sizes sqrt(beta emittance / (beta gamma)) everywhere, of its normalised emittance.

    Args:
        lattice: a ring, or a line if `initial` is given. In a ring all cavities count as drifts; in
            a line those do that neither focus nor change the momentum of the reference, and each of
            the others acts at its own phase, at z = 0.
        reference: its particle.
        delta: momentum deviation of the orbit.
        initial: functions at the start of a line, whose tensors carry derivatives too; the orbit
            starts on the axis.
        chromatic: with chromaticities.
        max_step: longest way between rows of the table [m]; by default there are rows at the
            entrances of elements alone. Cavities that focus or accelerate a line are not cut.
        order: to which derivatives of the orbit are exact.

    Raises:
        UnstableError: no closed orbit or no periodic optics.
        InvalidValueError: delta is no number above -1, or max_step no positive one.

    Warns:
        AccuracyWarning: cavities of a ring that focus, or change the momentum of the reference by
            more than 0.1 % in all; those of a line that change that of the beam by more, and not
            that of the reference; crab cavities that kick the beam on the axis.

    Source: M. Borland, elegant's manual, twiss_output, for lines that accelerate.
    """
    places = cut(lattice, max_step)
    return _optics_of_each(lattice, reference, delta, initial, chromatic, places, order)


def optics_of(
    lattice: Lattice,
    reference: Reference,
    delta: Number = 0.0,
    initial: Twiss | None = None,
    chromatic: bool = False,
    places: Places | None = None,
    order: int = 2,
) -> TwissTable:
    """The same in one pass, of many settings of a ring at once.

    Raises:
        ManySettingsError: not of these.
    """
    require_flag("chromatic", chromatic)
    require_whole("order", order)
    if initial is not None:
        require_twiss("initial", initial, "such as twiss(...) or table[0]")
    require_lattice(lattice)
    require_real("delta", delta)
    delta = delta if isinstance(delta, Tensor) else float(delta)
    if initial is None:
        begin, ring = start(len(lattice), delta), passage(lattice, reference, 4)
        line: Passage | Line = ring
        orbit = differentiable(ring, find(ring, begin, 4), begin, order)
        momenta = torch.ones(len(lattice) + 1, dtype=torch.float64)
    else:
        require_reference(reference)
        require_one("optics of a line", batch_of(lattice))
        line = Line(lattice, reference)
        orbit, momenta = line.track(delta), line.momenta
    warn_if_not_symplectic(lattice, orbit.matrices)
    through = _from_start(orbit.matrices)
    turn = through[..., -1, :, :]
    if initial is None:
        modes = normal_modes_4d(turn[..., :4, :4])
        shifts = _shifts_by_delta(orbit.matrices)
        along = torch.cat([shifts, shifts[..., :1, :]], -2)
        later = (orbit.matrices[..., 4, :] * shifts).sum((-2, -1))
    else:
        modes, dispersion = _read_initial(initial)
        along = through @ torch.cat([dispersion, dispersion.new_tensor([0.0, 1.0])])
        shifts = through[:-1, :, 5]
        later = along[-1, 4]
    lengths = _lengths(lattice)
    s = torch.nn.functional.pad(lengths.cumsum(-1), (1, 0))
    rows = Rows(range(len(lattice)), s, orbit.table, through, along, momenta)
    elements, of_rows = list(lattice), lengths
    if places is not None:
        rows = rows.cut(line, orbit, lengths, places)
        elements, of_rows = [elements[n] for n in rows.elements], lengths[..., rows.elements]
    along = rows.along / rows.along[..., 5:]  # by delta there, which cavities make smaller
    w = rows.through[..., :4, :4] * rows.momenta.sqrt()[:, None, None] @ modes.unsqueeze(-3)
    functions = (w * w).unflatten(-1, (2, 2)).sum(-1)  # (place, coordinate, mode)
    slopes = -(w[..., 0::2, :] * w[..., 1::2, :]).unflatten(-1, (2, 2)).sum(-1)
    phases = _phases(w, of_rows)
    s = rows.s.expand(w.shape[:-2])
    slip = -later / s[..., -1]
    if bool((momenta.detach() - 1).abs().max() > _SAME):  # it is one of a single velocity
        slip = torch.full_like(slip, math.nan)
    table = TwissTable(
        names=(*(e.name for e in elements), "end"),
        kinds=(*(type(e).__name__ for e in elements), ""),
        s=s,
        beta_x=functions[..., 0, 0],
        alpha_x=slopes[..., 0, 0],  # of (place, plane, mode)
        beta_y=functions[..., 2, 1],
        alpha_y=slopes[..., 1, 1],
        phase_x=phases[0],
        phase_y=phases[1],
        beta_x2=functions[..., 0, 1],
        beta_y1=functions[..., 2, 0],
        dispersion_x=along[..., 0],
        dispersion_px=along[..., 1],
        dispersion_y=along[..., 2],
        dispersion_py=along[..., 3],
        orbit=rows.orbit,
        tune_x=phases[0][..., -1],
        tune_y=phases[1][..., -1],
        matrix=turn,
        momentum_compaction=slip + 1 / reference.gamma**2,
        slip_factor=slip,
    )
    if not chromatic:
        return table
    start_modes = None if initial is None else modes
    chromaticities = _tune_slopes(line, orbit.coordinates, shifts, lengths, start_modes)
    return replace(table, chromaticity_x=chromaticities[0], chromaticity_y=chromaticities[1])


@numeric
def twiss_table(
    lattice: Lattice,
    reference: Reference,
    *,
    delta: float = 0.0,
    initial: Twiss | None = None,
    chromatic: bool = False,
    max_step: float | None = None,
) -> TwissTable:
    """Optics along a ring as NumPy arrays; or along a line, from given initial functions.

    Coupled ones, of Mais and Ripken, with dispersion and orbit, at the entrance of each element
    and at the end. Errors and warnings are those of `linear_optics`.

    Args:
        lattice: a ring, or a line if `initial` is given.
        reference: its particle.
        delta: momentum deviation of the orbit.
        initial: functions at the start of a line; the orbit starts on the axis.
        chromatic: with chromaticities.
        max_step: longest way between rows of the table [m]; by default there are rows at the
            entrances of elements alone. Cavities that focus or accelerate a line are not cut.

    Example:
        >>> table = pj.twiss_table(ring, electron, max_step=0.1)  # rows within elements too
        >>> table.beta_x.max(), table["qf"].dispersion_x, table.pandas()
    """
    require_flag("chromatic", chromatic)
    places = cut(lattice, max_step)
    with torch.no_grad():
        return _optics_of_each(lattice, reference, delta, initial, chromatic, places).numpy()


_optics_of_each = in_one_pass(optics_of)


def _tune_slopes(
    line: Passage | Line, coordinates: Tensor, shifts: Tensor, lengths: Tensor, modes: Tensor | None
) -> list[Tensor]:
    """Slopes of both tunes where the orbit moves by shifts (N, 6), in reverse mode.

    The modes at the start are given, or those of the ring.
    """
    with torch.enable_grad():
        moved = coordinates + torch.zeros_like(coordinates, requires_grad=True)
        transverse = _from_start(line.matrices(moved)[1])[..., :4, :4]
        begin = normal_modes_4d(transverse[..., -1, :, :]) if modes is None else modes
        w = transverse @ begin.unsqueeze(-3)
        tunes = [phases[..., -1].sum() for phases in _phases(w, lengths)]  # of settings, at once
    further = torch.is_grad_enabled()
    slopes = [torch.autograd.grad(tune, moved, None, True, further)[0] for tune in tunes]
    return [(slope * shifts).sum((-2, -1)) for slope in slopes]


def _shifts_by_delta(matrices: Tensor) -> Tensor:
    """Shifts (N, 6) of the closed orbit by delta; at fixed z, as the orbit itself."""
    rows = Closing(matrices, 4).shifts(matrices[..., :4, 5])
    return torch.cat([rows[..., :5], torch.ones_like(rows[..., 5:])], -1)


def _from_start(matrices: Tensor) -> Tensor:
    """Multiply matrices of N elements: from the start to each place, (..., N + 1, 6, 6)."""
    one = torch.eye(6, dtype=torch.float64).expand(*matrices.shape[:-3], 1, 6, 6)
    return torch.cat([one, pairwise_products(matrices)], -3)


def _phases(w: Tensor, lengths: Tensor) -> list[Tensor]:
    """Phases of both modes at each place [2 pi], from the modes there (..., N + 1, 4, 4)."""
    return [_unwrap(torch.atan2(w[..., k, k + 1], w[..., k, k]), lengths) for k in (0, 2)]


def _read_initial(initial: Twiss) -> tuple[Tensor, Tensor]:
    """Make modes and dispersion of initial Twiss functions, without coupling."""
    like = torch.zeros((), dtype=torch.float64)
    blocks = []
    for given in ((initial.beta_x, initial.alpha_x), (initial.beta_y, initial.alpha_y)):
        beta, alpha = (tensor_like(u, like).to(torch.float64) for u in given)
        if not to_float(beta) > 0:
            raise InvalidValueError(f"initial beta must be positive, got {to_float(beta)} m")
        root = beta.sqrt()
        blocks.append(torch.stack([root, like, -alpha / root, 1 / root]).reshape(2, 2))
    d = [initial.dispersion_x, initial.dispersion_px, initial.dispersion_y, initial.dispersion_py]
    dispersion = torch.stack([tensor_like(u, like).to(torch.float64) for u in d])
    return torch.block_diag(*blocks), dispersion


def _lengths(lattice: Lattice) -> Tensor:
    lengths = column([e.length for e in lattice])
    if isinstance(lengths, Tensor):
        return lengths
    return torch.full((len(lattice),), lengths, dtype=torch.float64)


def _unwrap(phases: Tensor, lengths: Tensor) -> Tensor:
    """Unwrap phases, from 0 [2 pi].

    An element may go back by up to half a radian, and one of negative length forward by that.
    """
    steps = phases.diff()
    whole = 2 * math.pi
    back = torch.where(lengths.detach() < 0, whole - 0.5, 0.5)
    jumps = torch.floor((steps.detach() + back) / whole)
    turns = torch.nn.functional.pad(-jumps.cumsum(-1), (1, 0))
    return phases / whole + turns - phases.detach()[..., :1] / whole
