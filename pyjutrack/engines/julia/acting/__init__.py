"""Effects that JuTrack has elements for, which stand in the line where the effect acts.

A file an effect; of those that are left out here `effects.py` knows the kicks, and the rest is
refused by name.
"""

# importing them registers their effects
from . import beam_beam as beam_beam
from . import left_out as left_out
from . import wakes as wakes
from .base import is_element as is_element
from .base import twins_of_act as twins_of_act
from .radiation import Radiating as Radiating
from .radiation import is_radiation as is_radiation
