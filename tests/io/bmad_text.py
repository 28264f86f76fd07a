"""What files of Bmad begin with, and the reference that they name."""

from __future__ import annotations

import pyjutrack as pj

ELECTRON = pj.Reference.from_total("electron", 3e9)
START = "parameter[particle] = electron; parameter[e_tot] = 3e9\n"
