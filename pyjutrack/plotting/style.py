"""Colours and lines of all pictures: told apart in print, in grey and by the colour-blind.

Colours are those of M. Okabe and K. Ito (Color Universal Design, 2008); where two curves stand
beside each other they differ in their dashes too.
"""

from __future__ import annotations

from typing import Any

BLUE, VERMILION, GREEN = "#0072B2", "#D55E00", "#009E73"
ORANGE, PURPLE, SKY, GREY = "#E69F00", "#CC79A7", "#56B4E9", "0.45"

#: of what is horizontal and of what is vertical
IN_X: dict[str, Any] = {"color": VERMILION, "linestyle": "-", "linewidth": 1.4}
IN_Y: dict[str, Any] = {"color": BLUE, "linestyle": (0, (5, 1.5)), "linewidth": 1.4}
#: of the second modes in either, where motion is coupled
COUPLED_X: dict[str, Any] = {"color": ORANGE, "linestyle": ":", "linewidth": 1.6}
COUPLED_Y: dict[str, Any] = {"color": SKY, "linestyle": "-.", "linewidth": 1.4}
