"""`python -m pyjutrack.cli`."""

import sys

from . import main

sys.exit(main())
