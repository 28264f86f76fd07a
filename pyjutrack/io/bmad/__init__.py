"""Lattice files of Bmad."""
