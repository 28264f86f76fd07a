"""Grids, shape functions, and the pair of adjoint operators between particles and grids."""
