"""Generation of kernels from the maps."""
