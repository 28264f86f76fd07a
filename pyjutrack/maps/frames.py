"""Changes of the reference frame."""

from __future__ import annotations

from typing import Any

from .base import Parameters, map
from .straight import slip


def invert_frame(shift: Any, axes: Any, path: Any, beta0: Any) -> Parameters:
    """Parameters of the patch from the new frame to the old one."""
    back = tuple(-sum(a * p for a, p in zip(axis, shift, strict=True)) for axis in axes)
    return back, tuple(zip(*axes, strict=True)), -path, beta0


@map(inverse=lambda cosine, sine: (cosine, -sine))
def roll(x: Any, px: Any, y: Any, py: Any, z: Any, delta: Any, cosine: Any, sine: Any) -> Any:
    """Coordinates in a frame rolled about s."""
    return (
        cosine * x + sine * y,
        cosine * px + sine * py,
        cosine * y - sine * x,
        cosine * py - sine * px,
        z,
        delta,
    )


@map(inverse=invert_frame, shapes={"shift": (3,), "axes": (3, 3)})
def patch(
    x: Any,
    px: Any,
    y: Any,
    py: Any,
    z: Any,
    delta: Any,
    shift: Any,
    axes: Any,
    path: Any,
    beta0: Any,
) -> Any:
    """Coordinates in another frame, at its plane s = 0, to which particles drift.

    Args:
        shift: origin of the new frame in the old one, three lengths [m].
        axes: its axes x, y, s in the old frame, three triples.
        path: of the reference particle [m].
    """
    total = 1 + delta
    ps = (total * total - px * px - py * py).sqrt()
    place = (x - shift[0], y - shift[1], -shift[2])
    (rx, qx), (ry, qy), (rs, qs) = (
        (
            axis[0] * place[0] + axis[1] * place[1] + axis[2] * place[2],
            axis[0] * px + axis[1] * py + axis[2] * ps,
        )
        for axis in axes
    )
    root = qs.sqrt()  # NaN, and so lost, where a particle flies backwards
    time = -rs / (root * root)
    new_z = z + path * slip(delta, beta0) + (path - total * time)
    return rx + time * qx, qx, ry + time * qy, qy, new_z, delta
