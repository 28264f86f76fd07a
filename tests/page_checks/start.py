"""The ring's tune comes first, and no particle of its beam is lost."""

assert printed.startswith("TwissTable(1021 places, 96 m; tunes 3.2798, 3.17021) 12.311")
assert "Beam(1000 macroparticles, 0 lost" in printed
