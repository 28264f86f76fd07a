"""The network is near the solver, on beams that it never saw and in what it does."""

assert field_error(network.solve(shares[250:]), truth[250:]).item() < 0.05
exact, learned = (
    pj.tunes(pj.jacobian(cell, beam, effects=[pj.SpaceCharge(p, max_step=0.1)]))
    for p in (solver, network)
)
without = pj.tunes(pj.jacobian(cell, proton))
assert abs(learned - exact).max() < 0.1 * abs(without - exact).max()
