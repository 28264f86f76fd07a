"""What is said of a cavity, a placeholder, a soft slit and a kind of one's own, in this order."""

import math

focus, drift, slope, entry = printed.splitlines()
assert focus == "1 / f = 0.429 / m"
assert drift == "Drift(length=0.3, name='w1')"
# of a sharp slit, in closed form, and the bias of its smoothing
assert abs(float(slope.strip("[]")) - 0.2911251 - 0.46 * 0.1**2) < 0.003
lens, focal = -1e-7 / 2e-3**2, math.sqrt(2.0) * math.sin(0.2 * math.sqrt(2.0))
assert abs(float(entry) / (lens * math.cos(0.2 * math.sqrt(2.0)) - focal) - 1) < 1e-12
