"""Beam and moments, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import pyjutrack as pj


@pytest.fixture
def rows() -> np.ndarray:
    spread = np.diag([1e-3, 2e-4, 5e-4, 1e-4, 1e-2, 1e-3])
    mix = np.eye(6) + 0.3 * np.tri(6, k=-1)
    return np.random.default_rng(3).normal(size=(400, 6)) @ mix @ spread + 2e-4


@pytest.fixture
def beam(proton: pj.Reference, rows: np.ndarray) -> pj.Beam:
    return pj.Beam.from_array(proton, rows, current=3.0)


def with_lost(beam: pj.Beam, lost: list[int], value: float) -> pj.Beam:
    coordinates, alive = beam.coordinates.clone(), beam.alive.clone()
    coordinates[lost] = value
    alive[lost] = False
    return beam.replace(coordinates=coordinates, alive=alive)


def test_shape_and_columns(beam: pj.Beam, rows: np.ndarray) -> None:
    assert len(beam) == 400
    assert beam.lost == 0
    assert beam.coordinates.dtype == torch.float64
    assert beam.alive.shape == (400,)
    np.testing.assert_array_equal(beam.numpy(), rows)
    for i, name in enumerate(("x", "px", "y", "py", "z", "delta")):
        np.testing.assert_array_equal(beam.coordinate(name), rows[:, i])


def test_lists_and_integers_become_float64(proton: pj.Reference) -> None:
    beam = pj.Beam.from_array(proton, [[0, 1, 2, 3, 4, 5]])
    assert beam.coordinates.dtype == torch.float64
    assert beam.current == 0.0


@pytest.mark.parametrize("shape", [(6,), (3, 5), (0, 6), (6, 3)])
def test_wrong_shapes(proton: pj.Reference, shape: tuple[int, ...]) -> None:
    with pytest.raises(pj.errors.InvalidValueError, match=r"\(N, 6\)"):
        pj.Beam.from_array(proton, np.zeros(shape))


@pytest.mark.parametrize(("column", "name"), [(1, "px"), (3, "py"), (5, "delta")])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_non_finite_coordinates_are_named(
    proton: pj.Reference, rows: np.ndarray, column: int, name: str, value: float
) -> None:
    rows[17, column] = value
    rows[40, 0] = value
    with pytest.raises(pj.errors.InvalidValueError, match=rf"particle 17 has {name} = .*2 of 400"):
        pj.Beam.from_array(proton, rows)


@pytest.mark.parametrize("current", [-1.0, np.nan, np.inf])
def test_impossible_currents(proton: pj.Reference, rows: np.ndarray, current: float) -> None:
    with pytest.raises(pj.errors.InvalidValueError, match="current"):
        pj.Beam.from_array(proton, rows, current)


def test_alive_mask_of_another_length(beam: pj.Beam) -> None:
    with pytest.raises(pj.errors.InvalidValueError, match="alive"):
        beam.replace(alive=torch.ones(7, dtype=torch.bool))


def test_lost_particles_may_be_nan(beam: pj.Beam, proton: pj.Reference) -> None:
    holed = with_lost(beam, [3, 9], np.nan)
    assert holed.lost == 2
    assert torch.isfinite(pj.track(pj.Lattice([pj.Drift(1.0)]), holed).coordinates[4:9]).all()


def test_unknown_coordinate_and_plane(beam: pj.Beam) -> None:
    with pytest.raises(pj.errors.UnknownNameError, match="did you mean 'delta'"):
        beam.coordinate("delt")
    with pytest.raises(pj.errors.UnknownNameError, match="plane"):
        pj.moments.emittance(beam, "q")


def test_moments_against_numpy(beam: pj.Beam, rows: np.ndarray) -> None:
    sigma = np.cov(rows.T, bias=True)
    np.testing.assert_allclose(pj.moments.centroid(beam), rows.mean(0), rtol=1e-12, atol=1e-18)
    np.testing.assert_allclose(pj.moments.covariance(beam), sigma, rtol=1e-11, atol=1e-20)
    np.testing.assert_allclose(pj.moments.sizes(beam), rows.std(0), rtol=1e-12)
    for i, plane in ((0, "x"), (2, "y"), (4, "z")):
        expected = np.sqrt(np.linalg.det(sigma[i : i + 2, i : i + 2]))
        assert float(pj.moments.emittance(beam, plane)) == pytest.approx(expected, rel=1e-10)
        assert float(pj.moments.emittance(beam, plane, normalized=True)) == pytest.approx(
            expected * beam.reference.beta_gamma, rel=1e-10
        )


@pytest.mark.parametrize("value", [5.0, np.nan, np.inf])
def test_moments_ignore_the_lost(beam: pj.Beam, rows: np.ndarray, value: float) -> None:
    lost = [0, 5, 399]
    holed, kept = with_lost(beam, lost, value), np.delete(rows, lost, axis=0)
    np.testing.assert_allclose(pj.moments.centroid(holed), kept.mean(0), rtol=1e-12, atol=1e-18)
    np.testing.assert_allclose(pj.moments.covariance(holed), np.cov(kept.T, bias=True), rtol=1e-11)
    sigma = np.cov(kept[:, :2].T, bias=True)
    expected = np.sqrt(np.linalg.det(sigma))
    assert float(pj.moments.emittance(holed)) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("figure", [pj.moments.emittance, lambda b: pj.moments.sizes(b)[0]])
def test_gradients_of_moments_do_not_see_the_lost(beam: pj.Beam, figure: object) -> None:
    holed = with_lost(beam, [2], np.nan)
    leaf = holed.coordinates.clone().requires_grad_()
    (slope,) = torch.autograd.grad(figure(holed.replace(coordinates=leaf)), leaf)  # type: ignore[operator]
    assert torch.isfinite(slope).all()
    assert (slope[2] == 0).all()
    assert slope[3].abs().max() > 0


def test_precision_and_replacement(beam: pj.Beam) -> None:
    single = beam.to(torch.float32)
    assert single.coordinates.dtype == torch.float32
    assert single.alive.dtype == torch.bool
    assert beam.coordinates.dtype == torch.float64
    brighter = beam.replace(current=7.0)
    assert (brighter.current, beam.current) == (7.0, 3.0)
    assert brighter.coordinates is beam.coordinates


def test_beam_is_frozen(beam: pj.Beam) -> None:
    with pytest.raises(AttributeError):
        beam.current = 0.0  # type: ignore[misc]


def test_the_callers_array_is_not_changed(proton: pj.Reference, rows: np.ndarray) -> None:
    before = rows.copy()
    beam = pj.Beam.from_array(proton, rows)
    pj.track(pj.Lattice([pj.Drift(1.0), pj.Multipole(knl=(0.1, 2.0))]), beam)
    np.testing.assert_array_equal(rows, before)
    np.testing.assert_array_equal(beam.numpy(), before)
    beam.numpy()[:] = 0.0
    np.testing.assert_array_equal(beam.numpy(), before)


def test_a_later_change_of_the_callers_array_does_not_reach_the_beam(
    proton: pj.Reference, rows: np.ndarray
) -> None:
    before = rows.copy()
    beam = pj.Beam.from_array(proton, rows)
    rows[:] = 9.0
    np.testing.assert_array_equal(beam.numpy(), before)


def test_nor_does_one_of_the_mask_or_the_weights(proton: pj.Reference, rows: np.ndarray) -> None:
    alive, weights = np.arange(400) % 3 > 0, np.linspace(1.0, 2.0, 400)
    beam = pj.Beam(proton, rows, alive=alive, weights=weights)
    expected = pj.moments.centroid(beam)
    alive[:], weights[:] = True, 9.0
    torch.testing.assert_close(pj.moments.centroid(beam), expected, rtol=0, atol=0)


def test_masks_and_weights_of_any_strides_and_lists(proton: pj.Reference, rows: np.ndarray) -> None:
    alive, weights = np.arange(400) % 3 > 0, np.linspace(0.1, 2.0, 400)
    plain = pj.Beam(proton, rows, alive=alive, weights=weights)
    turned = pj.Beam(
        proton, rows, alive=alive[::-1].copy()[::-1], weights=weights[::-1].copy()[::-1]
    )
    listed = pj.Beam(proton, rows, alive=alive.tolist(), weights=weights.tolist())
    for beam in (turned, listed):
        assert beam.alive.equal(plain.alive)
        assert beam.weights is not None
        assert beam.weights.equal(torch.from_numpy(weights))


def test_repr_says_what_it_is(beam: pj.Beam) -> None:
    assert "400 macroparticles" in repr(beam)
    assert "proton" in repr(beam)
