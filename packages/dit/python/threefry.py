"""Random numbers from keys and counters: the words, uniforms and normals that Tessera draws.

Threefry-2x32 with 20 rounds (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"). An element has its
place in the whole batch as its counter, so it is the same number however many processes share the batch.
"""

import math

import torch

WORD = 0xFFFFFFFF
ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
PARITY = 0x1BD11BDA

# The highest bits of a word that a float32 holds exactly.
BITS = 24


def random_words(key, counters):
    """A word from 0 to 2**32 - 1 for each counter: int64 [...] to int64 [...].

    A key is two words. The xor of both words of threefry(key, (0, counter)) is the result.
    """
    first, second = key
    schedule = (first, second, first ^ second ^ PARITY)
    x0 = torch.full_like(counters, first)
    x1 = (counters + second) & WORD
    for group in range(1, 6):
        for rotation in ROTATIONS[(group - 1) % 2]:
            x0 = (x0 + x1) & WORD
            x1 = ((x1 << rotation | x1 >> (32 - rotation)) & WORD) ^ x0
        x0 = (x0 + schedule[group % 3]) & WORD
        x1 = (x1 + schedule[(group + 1) % 3] + group) & WORD
    return x0 ^ x1


def split_key(key, count=2):
    """Independent keys from one that must not be used again: a list of `count` pairs of words."""
    words = random_words(key, torch.arange(2 * count)).tolist()
    return list(zip(words[::2], words[1::2]))


def key_of_tensor(values):
    """The key that a file holds as int32 [2]."""
    return tuple(value & WORD for value in values.tolist())


def tensor_of_key(key):
    """The int32 [2] of a key, for a file."""
    return torch.tensor([word - 2**32 if word >= 2**31 else word for word in key], dtype=torch.int32)


def uniform(key, counters):
    """Floats in [0, 1), multiples of 2**-24: int64 [...] to float32 [...]."""
    return (random_words(key, counters) >> (32 - BITS)).to(torch.float32) * 2.0**-BITS


def normal(key, counters, total):
    """Standard normal floats by Box and Muller: int64 [...] to float32 [...].

    total: number of elements of the whole batch. The second uniform of an element has its counter plus this.
    """
    radius = (uniform(key, counters) + 2.0**-BITS).log().mul(-2).sqrt()
    return radius * (uniform(key, counters + total) * (2 * math.pi)).cos()


def bernoulli(key, probability, counters):
    """True with the probability: int64 [...] to bool [...]."""
    return uniform(key, counters) < torch.tensor(probability, dtype=torch.float32)


def random_int(key, counters, high):
    """Whole numbers from 0 to high - 1: int64 [...] to int64 [...]."""
    return (uniform(key, counters) * high).floor().to(torch.int64).clamp(max=high - 1)
