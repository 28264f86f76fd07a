"""Errors, checks of arguments, scalars, special functions, files: what knows nothing of beams."""
