"""What each kind of element is in JuTrack, and what each of JuTrack's is here: a file a family.

A twin's numbers may be tensors: the slope of every knob goes through them by PyTorch, so there is no
list of knobs.
"""

from . import straight as straight  # registers its kinds
from .base import Twin as Twin
from .base import twins_of as twins_of
