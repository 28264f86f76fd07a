"""The solver of the example of an elliptical pipe, and semi-axes of pipes."""

import importlib
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "examples" / "elliptical_pipe"
sys.path.insert(0, str(FOLDER))  # the scripts import each other as they do when run
EllipticalPipe = importlib.import_module("solver").EllipticalPipe

ROUND, FLAT, TALL = (8e-3, 8e-3), (8e-3, 5e-3), (5e-3, 8e-3)
