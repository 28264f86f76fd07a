"""Where documents stand, and what their examples may warn of."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
PYTORCHS_OWN = "ignore:`torch.jit.script` is deprecated:DeprecationWarning"
#: of a package that lume-base imports
MATPLOTLIBS_OWN = "ignore:The set_:PendingDeprecationWarning"
