"""The network is good for this beam, and the ring has its optics."""

assert "field error 0.0" in printed
assert "tunes 3.27" in printed
