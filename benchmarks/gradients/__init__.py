"""A public benchmark: the same figure and its gradient by every code that can, see README.md."""
