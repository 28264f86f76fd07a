"""Files of PALS."""
