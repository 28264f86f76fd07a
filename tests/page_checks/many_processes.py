"""The slope is one, and no point of the scan has failed."""

assert float(slope) != 0.0
