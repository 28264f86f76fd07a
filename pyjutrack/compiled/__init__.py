"""Compiled CPU kernels, their registration with PyTorch, and the tracer that writes some of them."""
