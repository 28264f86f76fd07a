"""What writes kernels from the maps."""
