"""Coherent synchrotron radiation: the effect, the arcs of a lattice, and the field of one."""

from .csr import CSR

__all__ = ["CSR"]
