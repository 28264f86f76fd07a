"""Potentials H(x, y, z; weights) that are learned: forms without numbers, and pure functions.

A form says how many weights it has and what H they make. The weights stand apart, as one vector,
in the element that kicks by the potential (`pyjutrack.HamiltonianKick`).
"""

from .base import Form, form_from_record, record_of
from .perceptron import Perceptron
from .spline import Spline

__all__ = ["Form", "Perceptron", "Spline", "form_from_record", "record_of"]
