"""The ring is in equilibrium, and photons act."""

lost = found.energy_loss / electron.p0c
change = (mean.coordinates[0] - beam.coordinates[0]).abs()
assert float(change[5]) < 0.2 * float(lost), "the closed orbit stays, but for its slices"
assert (
    0.1
    < float(
        photons.coordinates[:, 5].std()
        / (found.energy_spread * (2 * 10 * length / 299_792_458 / found.damping_times[2]) ** 0.5)
    )
    < 3
)
