"""Compiled CPU kernels, and how they are compiled, kept and run on threads."""
