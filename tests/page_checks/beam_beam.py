"""The slopes are those of differences, the tune shift that of perturbation theory."""

import dataclasses

from scipy.constants import physical_constants


def tune_of(**changed):
    effect = dataclasses.replace(electrons, **changed)
    return float(vertical_tune(pj.track(ring, pj.Beam(positron, start), effects=[effect]), None))


for name, slope in zip(names, slopes, strict=True):
    value = getattr(electrons, name)
    far, near = (
        (tune_of(**{name: value * (1 + h)}) - tune_of(**{name: value * (1 - h)})) / (2 * h * value)
        for h in (2e-4, 1e-4)
    )
    assert abs(slope / ((4 * near - far) / 3) - 1) < 1e-4, name

# to first order in the charge: the integral of the gradient of the field times beta / (4 pi)
z = np.linspace(-6, 6, 60001) * electrons.sigma_z
density = np.exp(-0.5 * (z / electrons.sigma_z) ** 2)
density /= density.sum()
s = z / 2
beta_y = beta["y"] + s**2 / beta["y"]
sigma = {u: size[u] * np.sqrt(1 + (s / beta[u]) ** 2) for u in "xy"}
x = torch.tensor(z * math.tan(electrons.angle))
y = torch.full_like(x, 1e-12)
by_y = (
    pj.collective.bassetti_erskine(x, y, torch.tensor(sigma["x"]), torch.tensor(sigma["y"]))[
        1
    ].numpy()
    / 1e-12
)
radius = physical_constants["classical electron radius"][0]
strength = 2 * 1.7e11 * radius / positron.gamma
first = -(strength * density * by_y * beta_y).sum() / (4 * math.pi)
small = 1e-3
shift = (tune_of(charge=small * electrons.charge) - tune["y"]) / small
assert abs(shift / first - 1) < 0.01, (shift, first)
