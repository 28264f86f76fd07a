"""`python -m pyjutrack`: the same as the command `pyjutrack`."""

import sys

from .cli import main

sys.exit(main())
