"""Kernels written from the maps."""
