"""Files of MAD-X, MAD8 and elegant."""
