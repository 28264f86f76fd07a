"""Losses and frames of single elements, which the battery of maps does not see."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from element_cases import PROTON, beam_of, move, points

import pyjutrack as pj
from pyjutrack import maps
from pyjutrack.elements.part import Part


@pytest.mark.parametrize(
    "element",
    [
        pj.SBend(2.0, 1.5),
        pj.RBend(2.0, 1.5),
        pj.Sextupole(0.5, 3e4, steps=3),
        pj.Quadrupole(0.5, 60.0, model="exact"),
        pj.Solenoid(0.5, 30.0),
        pj.Quadrupole(0.5, 1.0, y_rot=0.5),
        pj.Patch(y_rot=1.2),
    ],
    ids=lambda e: type(e).__name__,
)
@pytest.mark.filterwarnings("ignore::pyjutrack.errors.LossWarning")  # what is lost is the point
def test_a_particle_that_cannot_pass_is_lost_and_leaves_no_trace(element: pj.Element) -> None:
    """One particle gets through; the other has an impossible momentum on the way."""
    wild = [0.3, 0.999, 0.3, 0.0, 0.0, 0.0]
    if isinstance(element, pj.Patch) or element.y_rot:
        wild[1] = -0.9999
    beam = beam_of([1e-4, 0.0, 1e-4, 0.0, 0.0, 0.0], wild)
    out = pj.track(pj.Lattice([element]), beam)
    assert out.alive.tolist() == [True, False]
    np.testing.assert_array_equal(out.numpy()[1], wild)
    knob = torch.tensor(1e-3, dtype=torch.float64, requires_grad=True)
    moved = pj.track(pj.Lattice([dataclasses.replace(element, dx=knob)]), beam)
    (slope,) = torch.autograd.grad(moved.coordinates[0].sum(), knob)
    assert torch.isfinite(slope)


@pytest.mark.parametrize("shape", ["rectangle", "ellipse", "racetrack"])
def test_apertures(shape: str) -> None:
    a, b, corner_x, corner_y = 0.02, 0.01, 0.006, 0.004
    generator = np.random.default_rng(3)
    c = np.zeros((4000, 6))
    c[:, 0], c[:, 2] = generator.uniform(-0.03, 0.03, (2, 4000))
    corners = {"corner_x": corner_x, "corner_y": corner_y} if shape == "racetrack" else {}
    opening = pj.Aperture(
        half_width=a, half_height=b, shape=shape, dx=1e-3, dy=-2e-3, tilt=0.3, **corners
    )
    out = pj.track(pj.Lattice([opening]), pj.Beam(PROTON, torch.tensor(c)))
    w = (c[:, 0] - 1e-3 + 1j * (c[:, 2] + 2e-3)) * np.exp(-0.3j)
    x, y = abs(w.real), abs(w.imag)
    inside = (x <= a) & (y <= b)
    if shape == "ellipse":
        inside = x**2 / a**2 + y**2 / b**2 <= 1
    if shape == "racetrack":
        in_corner = (x > a - corner_x) & (y > b - corner_y)
        beyond = ((x - a + corner_x) / corner_x) ** 2 + ((y - b + corner_y) / corner_y) ** 2 > 1
        inside &= ~(in_corner & beyond)
    np.testing.assert_array_equal(out.alive.numpy(), inside)
    np.testing.assert_allclose(out.numpy(), c, rtol=0, atol=1e-17)  # lost ones too
    assert 200 < inside.sum() < 2000


def test_apertures_that_are_none() -> None:
    for sizes in ({"half_width": 0.0}, {"half_height": -1.0}, {"half_width": "wide"}):
        with pytest.raises(pj.errors.InvalidValueError, match=next(iter(sizes))):
            pj.Aperture(**sizes)
    with pytest.raises(pj.errors.InvalidValueError, match="corner_x"):
        pj.Aperture(half_width=0.01, half_height=0.01, shape="racetrack", corner_x=0.02)
    with pytest.raises(pj.errors.UnknownNameError, match="ellipse"):
        pj.Aperture(shape="elipse")


def test_patches_are_geometry() -> None:
    """The line of flight, as points in space, is the same before and after."""
    c = points(20)
    shift = np.array([2e-3, -3e-3, 0.4])
    angles = {"y_rot": 0.2, "x_rot": -0.1, "z_rot": 0.5}
    patch = pj.Patch(dx=shift[0], dy=shift[1], dz=shift[2], **angles)
    out = move(patch, c).numpy()

    def turn(axis: int, angle: float) -> np.ndarray:
        """Right-handed, about x, y or s."""
        generator = np.zeros((3, 3))
        i, j = (axis + 1) % 3, (axis + 2) % 3
        generator[j, i], generator[i, j] = 1, -1
        return (
            np.eye(3) + math.sin(angle) * generator + (1 - math.cos(angle)) * generator @ generator
        )

    axes = turn(1, angles["y_rot"]) @ turn(0, angles["x_rot"]) @ turn(2, angles["z_rot"])
    start = c.numpy()
    along = np.sqrt((1 + start[:, 5]) ** 2 - start[:, 1] ** 2 - start[:, 3] ** 2)
    momentum = np.stack([start[:, 1], start[:, 3], along], 1)
    place = np.stack([start[:, 0], start[:, 2], 0 * along], 1)
    new_along = np.sqrt((1 + out[:, 5]) ** 2 - out[:, 1] ** 2 - out[:, 3] ** 2)
    new_momentum = np.stack([out[:, 1], out[:, 3], new_along], 1) @ axes.T
    new_place = np.stack([out[:, 0], out[:, 2], 0 * along], 1) @ axes.T + shift
    np.testing.assert_allclose(new_momentum, momentum, rtol=0, atol=1e-15)
    flown = new_place - place
    np.testing.assert_allclose(np.cross(flown, momentum), 0, atol=1e-15)
    time = (flown * momentum).sum(1) / (momentum**2).sum(1) * (1 + start[:, 5])
    total = 1 + start[:, 5]
    speed = total / np.sqrt(total**2 + 1 / PROTON.beta_gamma**2)
    z = start[:, 4] + shift[2] * speed / PROTON.beta - time
    np.testing.assert_allclose(out[:, 4], z, rtol=0, atol=1e-15)


def test_a_patch_along_s_is_a_drift() -> None:
    c = points(20)
    expected = move(pj.Drift(0.7), c)
    torch.testing.assert_close(move(pj.Patch(dz=0.7), c), expected, rtol=0, atol=1e-15)


def test_a_field_does_not_know_the_frame() -> None:
    """A dipole along its arc is one along the entrance's axis, and a turn of the frame.

    After the straight one particles are beyond the sector's end; they go back in the same field.
    """
    length, angle = 0.9, 0.4
    radius = length / angle
    straight = radius * math.sin(angle)
    c = points(20)
    bent = move(pj.SBend(length, angle, edges="none"), c)
    boxed = move(pj.SBend(straight, 0.0, dk0=1 / radius, edges="none"), c)
    sagitta = radius * (1 - math.cos(angle))
    boxed = boxed.clone()
    boxed[:, 0] += sagitta
    out = torch.stack(maps.bend(*boxed.unbind(-1), 0.0, tensor(angle), 1 / radius, PROTON.beta), -1)
    out[:, 4] += straight * (1 + maps.slip(c[:, 5], PROTON.beta)) * (length / straight - 1)
    torch.testing.assert_close(out, bent, rtol=0, atol=1e-14)


def tensor(value: float) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.float64)


@pytest.mark.parametrize("edges", ["exact", "none"])
def test_a_full_circle(edges: str) -> None:
    """In a uniform field every orbit closes, wherever it starts."""
    sector = pj.SBend(0.5, math.pi / 4, edges=edges)
    c = points(20)
    c[:, 3] = 0.0  # no pitch
    if edges == "exact":
        c[:, 2] = 0.0  # fringes focus vertically
    out = pj.track(pj.Lattice([sector] * 8), pj.Beam(PROTON, c)).coordinates
    torch.testing.assert_close(out[:, [0, 1, 2, 3, 5]], c[:, [0, 1, 2, 3, 5]], rtol=0, atol=1e-14)


def test_a_displaced_dipole_in_a_uniform_field() -> None:
    """Moving a bend along its own symmetry does nothing; moving it up shifts its frame."""
    sector = {"length": 0.9, "angle": 0.4, "edges": "none"}
    c = points(10)
    torch.testing.assert_close(
        move(pj.SBend(**sector, dy=3e-3), c), move(pj.SBend(**sector), c), rtol=0, atol=2e-15
    )


@pytest.mark.parametrize("kind", [pj.Quadrupole, pj.Sextupole])
def test_a_roll_is_a_tilt_of_straight_magnets(kind: type[pj.Element]) -> None:
    c = points(10)
    torch.testing.assert_close(
        move(kind(0.3, 3.0, z_rot=0.2), c), move(kind(0.3, 3.0, tilt=0.2), c), rtol=0, atol=1e-15
    )


def test_a_tilted_quadrupole_is_skew() -> None:
    c, angle = points(10), 0.2
    skew = pj.Quadrupole(
        0.3,
        3.0 * math.cos(2 * angle),
        k1s=-3.0 * math.sin(2 * angle),
        model="exact",
        steps=40,
        order=6,
    )
    tilted = pj.Quadrupole(0.3, 3.0, tilt=angle, model="exact", steps=40, order=6)
    torch.testing.assert_close(move(tilted, c), move(skew, c), rtol=0, atol=1e-13)


def test_faces_of_a_bend_belong_to_its_ends() -> None:
    bend = pj.SBend(0.9, 0.4, e1=0.1, e2=0.2, model="linear")
    c = points(5)
    parts = [Part(0.0, 0.25), Part(0.25, 0.5), Part(0.5, 1.0)]
    out = c
    for part in parts:
        out = move(bend, out, part)
    torch.testing.assert_close(out, move(bend, c), rtol=0, atol=1e-15)


def test_space_charge_in_a_bend_and_its_gradient(make_beam, kick: pj.SpaceCharge) -> None:
    line = pj.Lattice(
        [
            pj.SBend(0.3, 0.1, k1=1.0, model="linear", name="b"),
            pj.Quadrupole(0.1, 5.0, dx=1e-4, name="q"),
            pj.Sextupole(0.1, 50.0, name="s"),
        ]
    )
    beam, wrt = make_beam(800), ["b.angle", "b.k1", "q.k1", "q.dx", "s.k2", "b.tilt"]
    figure = pj.observables.size("x")
    found = {
        mode: pj.gradient(figure, line, beam, wrt=wrt, effects=[kick], mode=mode, step=1e-6)
        for mode in ("reverse", "forward", "fd")
    }
    np.testing.assert_allclose(found["forward"], found["reverse"], rtol=1e-9, atol=1e-14)
    scale = np.abs(found["reverse"]).max()
    np.testing.assert_allclose(found["fd"], found["reverse"], rtol=1e-5, atol=1e-7 * scale)


def test_a_bend_without_length() -> None:
    with pytest.raises(pj.errors.InvalidValueError, match="over no length"):
        pj.SBend(0.0, 0.1)
    c = points(3)
    torch.testing.assert_close(move(pj.SBend(0.0, 0.0), c), c)
