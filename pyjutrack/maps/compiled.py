"""Compiled CPU kernels, how PyTorch gets to know them, and the tracer that writes some of them."""

#: maps of `maps/` that get kernels for values and first derivatives
_NAMES = (
    *("drift", "drift_paraxial", "quadrupole", "skew_quadrupole"),
    *("bend", "bend_linear", "solenoid"),
)
#: these maps, and their constants, which carry no derivative
COMPILED_MAPS = dict.fromkeys(_NAMES, ("beta0",))
#: maps that are compiled for one particle only, for `program`
SCALAR_MAPS = (
    *("bend_kick", "curved_quadrupole_kick", "edge_linear", "edge_fringe", "rf_kick", "crab_kick"),
    *("rescale", "roll"),
)
