"""Compiled CPU kernels, how PyTorch gets to know them, and the tracer that writes some of them."""

#: maps of `maps/` that get kernels
_NAMES = ("drift", "drift_paraxial", "quadrupole", "bend", "bend_linear", "solenoid")
#: these maps, and their constants, which carry no derivative
COMPILED_MAPS = dict.fromkeys(_NAMES, ("beta0",))
