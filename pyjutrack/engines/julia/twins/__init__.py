"""What each kind of element is in JuTrack, and what each of JuTrack's is here: a file a family.

A twin's numbers may be tensors: the slope of every knob goes through them by PyTorch, so there is
no list of knobs.
"""

# importing them registers their kinds
from . import apertures as apertures
from . import back_kinds as back_kinds
from . import bends as bends
from . import edges as edges
from . import frame_changes as frame_changes
from . import rf as rf
from . import straight as straight
from .base import Twin as Twin
from .placement import twins_of as twins_of
