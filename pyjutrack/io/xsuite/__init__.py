"""Files of Xsuite: lines and environments, as JSON."""
