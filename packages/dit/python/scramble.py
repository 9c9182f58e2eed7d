"""Hashes that decide the order of samples and the masks of images."""


def scramble(x):
    """Scrambles 32 bits, a bijection: uint64 [...] or a number to the same.

    Source: https://github.com/skeeto/hash-prospector (the constants of its best two-round hash).
    """
    word = 0xFFFFFFFF
    h = x & word
    h = ((h ^ (h >> 16)) * 0x21F0AAAD) & word
    h = ((h ^ (h >> 15)) * 0x735A2D97) & word
    return h ^ (h >> 15)
