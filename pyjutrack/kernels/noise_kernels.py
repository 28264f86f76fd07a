"""Normal numbers of a stream by their places in it, so that threads and ranks share one stream.

Each pair of places has two outputs of SplitMix64, which is a hash of key + i * gamma, and by
G. Box and M. Muller, Ann. Math. Stat. 29 (1958) 610, two normal numbers.
Source of the hash: G. Steele, D. Lea, C. Flood, OOPSLA 2014, doi:10.1145/2660193.2660195.
"""

import math

import numpy as np

from .jit import helper, kernel

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_S32 = np.uint64(32)
_UNIT = 2.0**-53


@helper
def mix(z):
    """The finaliser of SplitMix64."""
    z = (z ^ (z >> _S30)) * _FIRST
    z = (z ^ (z >> _S27)) * _SECOND
    return z ^ (z >> _S31)


@helper
def derive(key, number):
    """The key that follows from one and a whole number; see `noise.key_of`."""
    return mix((key + np.uint64(number + 1)) * _GAMMA)


@helper
def uniform(key, place):
    """Number in (0, 1] at a place of a stream."""
    z = mix(key + np.uint64(place + 1) * _GAMMA)
    return (np.float64(z >> _S11) + 1.0) * _UNIT


@helper
def fill(key, first, out):
    """Fill an array with normal numbers from place `first` on."""
    n = 0
    while n < len(out):
        place = first + n
        even = place - place % 2
        radius = math.sqrt(-2.0 * math.log(uniform(key, even)))
        angle = 2.0 * math.pi * uniform(key, even + 1)
        if place == even:
            out[n] = radius * math.cos(angle)
            n += 1
            place += 1
        if n < len(out) and place == even + 1:
            out[n] = radius * math.sin(angle)
            n += 1


@helper
def key_at(numbers, turn):
    """The key of a stream in a turn, from the numbers of `noise.Stream`."""
    seed = (np.uint64(numbers[0]) << _S32) | np.uint64(numbers[1])
    return derive(derive(derive(seed, turn), np.int64(numbers[2])), np.int64(numbers[3]))


@kernel
def normal(part, start, stop, key, first, out):
    """Normal numbers from place `first` on."""
    fill(key, first + start, out[start:stop])
