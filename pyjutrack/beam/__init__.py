"""Beams: the reference particle, macroparticles, their moments and observables."""
