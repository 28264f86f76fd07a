"""The ring's tune comes first, and no particle of its beam is lost."""

assert printed.startswith("3.2797")
assert "Beam(1000 macroparticles, 0 lost" in printed
