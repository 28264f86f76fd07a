"""Files of MAD-X and MAD8."""
