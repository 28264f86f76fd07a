"""
A network in the solver's place
===============================

The potential of a beam from the U-Net "linear" that comes with the package, and its field at the
macroparticles beside that of the spectral solver.
"""

import pyjutrack as pj

proton = pj.Reference.from_kinetic("proton", 1e9)
optics = pj.optics.Twiss(beta_x=2.0, alpha_x=0.0, beta_y=1.0, alpha_y=0.0)
beam = pj.distributions.waterbag(
    proton, 20_000, twiss=optics, normalized_emittance=(2e-6, 2e-6), current=200.0, seed=1
)
network = pj.Surrogate.load("linear")
solver = pj.SpectralPoisson(size=(0.02, 0.02), shape=(128, 128))
print(network.validate(beam))

figure, (left, right) = pj.plotting.figure(2, width=4.2, height=3.6)
pj.plotting.plot_potential(left, pj.SpaceCharge(network, max_step=0.1), beam)
x, y = beam.coordinate("x"), beam.coordinate("y")
ours, reference = (pj.collective.own_field(p, x, y).along_x for p in (network, solver))
right.plot(
    reference, ours, ".", color="#0072B2", markersize=2, rasterized=True, label="macroparticles"
)
ends = [float(reference.min()), float(reference.max())]
right.plot(ends, ends, "--", color="#D55E00", label="equal")
right.set(
    xlabel=r"$\partial H/\partial x$ by the solver [1/m]",
    ylabel=r"$\partial H/\partial x$ by the network [1/m]",
)
right.legend(frameon=False)
