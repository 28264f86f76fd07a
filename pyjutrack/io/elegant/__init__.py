"""Lattice files of elegant."""
