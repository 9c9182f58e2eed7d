"""Masks for inpainting: which pixels of an image are to be drawn. They are those that Tessera draws, number by number."""

import math

import numpy

from scramble import scramble

# Most strokes of a brush, and most straight pieces of a stroke.
STROKES = 4
PIECES = 4


def rounded(x):
    """The nearest whole number; of two, the larger."""
    return math.floor(x + 0.5)


def part(size, draw):
    """A random length: a quarter to three quarters of a side."""
    return max(1, rounded(size * (0.25 + 0.5 * draw())))


def box(size, draw):
    """A box somewhere: bool [size, size]."""
    height, width = part(size, draw), part(size, draw)
    top = math.floor(draw() * (size - height + 1))
    left = math.floor(draw() * (size - width + 1))
    mask = numpy.zeros((size, size), bool)
    mask[top : top + height, left : left + width] = True
    return mask


def surroundings(size, draw):
    """All but a box: bool [size, size]."""
    return ~box(size, draw)


def half(size, draw):
    """All on one side of a line across the image: bool [size, size]."""
    border = part(size, draw)
    is_column, is_first = draw() < 0.5, draw() < 0.5
    at = numpy.arange(size)[None if is_column else slice(None), slice(None) if is_column else None]
    return numpy.broadcast_to((at < border) == is_first, (size, size)).copy()


def strokes(size, draw):
    """Strokes of a brush, each of several straight pieces: bool [size, size]."""
    mask = numpy.zeros((size, size), bool)
    for _ in range(1 + math.floor(STROKES * draw())):
        radius = max(1, size * (0.03 + 0.07 * draw()))
        pieces = 1 + math.floor(PIECES * draw())
        x, y, angle = size * draw(), size * draw(), 2 * math.pi * draw()
        for _ in range(pieces):
            for _ in range(rounded(size * (0.1 + 0.3 * draw())) + 1):
                stamp(mask, x, y, radius)
                x = min(size, max(0, x + math.cos(angle)))
                y = min(size, max(0, y + math.sin(angle)))
            angle += math.pi * (draw() - 0.5)
    return mask


def stamp(mask, x, y, radius):
    """Marks the pixels whose centres lie within a disc."""
    last = len(mask) - 1
    top, left = max(0, math.floor(y - radius)), max(0, math.floor(x - radius))
    bottom, right = math.floor(min(last, y + radius)), math.floor(min(last, x + radius))
    rows, columns = numpy.arange(top, bottom + 1)[:, None], numpy.arange(left, right + 1)[None]
    is_inside = (rows + 0.5 - y) ** 2 + (columns + 0.5 - x) ** 2 <= radius**2
    mask[top : bottom + 1, left : right + 1] |= is_inside


MASKS = (box, surroundings, half, strokes)


def training_mask(size, image, epoch):
    """The mask of an image in an epoch: bool [size, size], True where pixels are to be drawn.

    Source: Yu et al. 2019, "Free-form image inpainting with gated convolution", section 3.4.
    """
    stream = scramble(scramble(image ^ 0x85EBCA6B) + epoch)
    drawn = 0

    def draw():
        nonlocal drawn
        drawn += 1
        return scramble(stream ^ scramble(drawn - 1)) / 2**32

    return MASKS[math.floor(len(MASKS) * draw())](size, draw)
