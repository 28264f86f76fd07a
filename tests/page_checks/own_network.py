"""The network is near the solver, on beams that it never saw and in what it does."""

assert field_error(network.solve(shares[250:]), truth[250:]).item() < 0.05
exact, learned = (
    pj.tunes(pj.jacobian(cell, beam, effects=[pj.SpaceCharge(p, max_step=0.1)]))
    for p in (solver, network)
)
without = pj.tunes(pj.jacobian(cell, proton))
assert abs(learned - exact).max() < 0.1 * abs(without - exact).max()

# a solver without a word of splines, in a box, of a round beam of 4 cells a rms size, by slopes of
# H at particles beside the closed form
grid = pj.collective.Grid((0.032, 0.032), (64, 64))


class Plain:
    """A sine series of what is in the middles of the cells."""

    mesh = pj.collective.Mesh(grid, pj.collective.BSPLINE)
    sharp = False

    def solve(self, fractions):
        m = torch.arange(1, 65, dtype=torch.float64)
        places = torch.as_tensor(grid.nodes(0, ghosts=True)) / 0.032 + 0.5
        sines = torch.sin(torch.pi * m[:, None] * places)
        squares = (torch.pi * m / 0.032) ** 2
        green = 8 * torch.pi / 0.032**2 / (squares[:, None] + squares)
        f = sharpen(fractions) if self.sharp else fractions
        h = sines.mT @ (green * (sines @ f @ sines.mT)) @ sines
        return sharpen(h) if self.sharp else h


round_beam = pj.distributions.gaussian(
    proton,
    20_000,
    twiss=pj.optics.Twiss(1.0, 0.0, 1.0, 0.0),
    emittance=(4e-6, 4e-6),
    quiet=True,
    seed=1,
)
at = round_beam.coordinate("x"), round_beam.coordinate("y")
exact = pj.collective.bassetti_erskine(*at, 2e-3, 2e-3 * (1 - 1e-6))
errors = []
for Plain.sharp in (False, True):
    made = pj.collective.own_field(Plain(), *at)
    errors.append(float(pj.collective.field_error(made, exact)))
assert 0.024 < errors[0] < 0.026
assert errors[1] < 0.002
