"""Compiled CPU kernels, how PyTorch gets to know them, and the tracer that writes some of them."""

#: the maps of `maps.py` that get kernels, and their constants (which carry no derivative)
COMPILED_MAPS = {"drift": ("beta0",), "drift_paraxial": ("beta0",), "quadrupole": ("beta0",)}
