"""No particle is lost."""

assert "0 lost" in printed
