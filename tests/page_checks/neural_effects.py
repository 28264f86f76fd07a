"""The network is accurate, and its slopes are those of what it learned."""

import numpy as np

assert model.about["held_out"]["worst"] < 1e-5
exact, found = (
    pj.gradient(loss, line, bunch, effects=[effect], wrt=["beam.charge"])[0]
    for effect in (mode, NeuralWake(model, "cavity"))
)
assert abs(found / exact - 1) < 1e-4, (found, exact)
assert sum(np.size(part) for part in slopes) == 264
first = wake_error(Learned().solve(samples.shares, 1.0), samples).mean()
assert error < 0.2 * first, (error, first)
