"""The loop over slices of a lattice, forward and backward."""
