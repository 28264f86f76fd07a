"""The lattice, and its parameters as knobs."""
