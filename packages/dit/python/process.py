"""Forward processes: noise schedules and rectified flows, as tables and formulas.

Sources: Ho et al. 2020, "Denoising diffusion probabilistic models", section 2; Nichol & Dhariwal 2021, "Improved
denoising diffusion probabilistic models"; Salimans & Ho 2022, section 4 (velocities); Liu et al. 2022 (flows).
"""

import math

import numpy
import torch


def evenly(timesteps, first, last):
    """Betas from first to last for 1000 timesteps, evenly spaced: float64 [T]."""
    scale = 1000 / timesteps
    return numpy.linspace(scale * first, scale * last, timesteps)


def roots_evenly(timesteps, first, last):
    """Betas whose square roots are evenly spaced: float64 [T]."""
    scale = 1000 / timesteps
    return numpy.linspace(math.sqrt(scale * first), math.sqrt(scale * last), timesteps) ** 2


def betas_of(timesteps, signal):
    """Betas that leave signal(u) of the variance of the signal at the share u of timesteps: float64 [T]."""
    left = [signal(j / timesteps) for j in range(timesteps + 1)]
    return numpy.array([min(1 - left[j + 1] / left[j], 0.999) for j in range(timesteps)])


def cosine_signal(u):
    """The squared cosine of improved DDPM, equation 17."""
    return math.cos((u + 0.008) / 1.008 * math.pi / 2) ** 2


def sigmoid_signal(u):
    """The sigmoid of Jabri et al. 2022."""
    sigmoid = lambda x: 1 / (1 + math.exp(-x))  # noqa: E731
    return (sigmoid(3) - sigmoid(6 * u - 3)) / (sigmoid(3) - sigmoid(-3))


BETAS = {
    "linear": lambda timesteps: evenly(timesteps, 1e-4, 2e-2),
    "scaled-linear": lambda timesteps: roots_evenly(timesteps, 0.00085, 0.012),
    "squaredcos_cap_v2": lambda timesteps: betas_of(timesteps, cosine_signal),
    "sigmoid": lambda timesteps: betas_of(timesteps, sigmoid_signal),
}


def without_terminal_signal(alpha_bar):
    """The table with its last value 0 and its first as it was: float64 [T] to [T]. Lin et al. 2024, algorithm 1."""
    root = numpy.sqrt(alpha_bar)
    first, last = root[0], root[-1]
    return ((root - last) * first / (first - last)) ** 2


class NoiseSchedule:
    """A noise schedule: float64 tables [T], of which `at` gives the values at timesteps."""

    def __init__(self, diffusion, learn_sigma):
        self.predicts = diffusion["objective"]
        self.timesteps = diffusion["timesteps"]
        self.learn_sigma = learn_sigma
        alpha_bar = numpy.cumprod(1 - BETAS[diffusion["schedule"]](self.timesteps))
        if diffusion.get("zeroTerminalSnr", False):
            alpha_bar = without_terminal_signal(alpha_bar)
        beta = 1 - alpha_bar / numpy.concatenate([[1.0], alpha_bar[:-1]])
        alpha_bar = numpy.cumprod(1 - beta)
        before = numpy.concatenate([[1.0], alpha_bar[:-1]])
        with numpy.errstate(divide="ignore"):
            posterior = beta * (1 - before) / (1 - alpha_bar)
            self.tables = {
                "alpha_bar": alpha_bar,
                "signal": numpy.sqrt(alpha_bar),
                "noise": numpy.sqrt(1 - alpha_bar),
                "inverse_signal": numpy.sqrt(1 / alpha_bar),
                "noise_to_signal": numpy.sqrt(1 / alpha_bar - 1),
                "log_beta": numpy.log(beta),
                "log_posterior": numpy.log(numpy.concatenate([posterior[1:2], posterior[1:]])),
                "weight_of_start": beta * numpy.sqrt(before) / (1 - alpha_bar),
                "weight_of_noisy": (1 - before) * numpy.sqrt(1 - beta) / (1 - alpha_bar),
            }

    def at(self, name, t):
        """The values of a table at timesteps: int64 [B] to float32 [B, 1, 1, 1]."""
        return torch.tensor(self.tables[name], dtype=torch.float32, device=t.device)[t].view(-1, 1, 1, 1)

    def noisy(self, start, t, eps):
        """sqrt(alpha_bar) start + sqrt(1 - alpha_bar) eps: [B, C, H, W]"""
        return self.at("signal", t) * start + self.at("noise", t) * eps

    def told(self, t):
        """What the model is told of the timesteps: [B]"""
        return t

    def target(self, start, t, eps):
        """The right prediction: [B, C, H, W]"""
        if self.predicts == "v":
            return self.at("signal", t) * eps - self.at("noise", t) * start
        return eps if self.predicts == "eps" else start

    def start_of(self, prediction, noisy, t):
        """The clean latent that a prediction points to: [B, C, H, W]"""
        if self.predicts == "v":
            return self.at("signal", t) * noisy - self.at("noise", t) * prediction
        if self.predicts == "xStart":
            return prediction
        return self.at("inverse_signal", t) * noisy - self.at("noise_to_signal", t) * prediction

    def min_snr_weights(self, t, gamma):
        """Weights of Hang et al. 2023, section 3: int64 [B] to float32 [B]."""
        signal, noise = self.tables["alpha_bar"], 1 - self.tables["alpha_bar"]
        with numpy.errstate(divide="ignore"):
            weights = {
                "eps": numpy.minimum(1, gamma * noise / signal),
                "xStart": numpy.minimum(signal / noise, gamma),
                "v": numpy.minimum(signal, gamma * noise),
            }[self.predicts]
        return torch.tensor(weights, dtype=torch.float32, device=t.device)[t]


class Flow:
    """A rectified flow: noisy latents are (1 - s) start + s eps at times s from 0 to 1."""

    predicts = "flow"
    learn_sigma = False

    def __init__(self, diffusion):
        self.timesteps = diffusion["timesteps"]

    def noisy(self, start, s, eps):
        """(1 - s) start + s eps: [B, C, H, W]"""
        time = s.view(-1, 1, 1, 1)
        return start * (1 - time) + eps * time

    def told(self, s):
        """What the model is told of the times: [B]"""
        return s * self.timesteps

    def target(self, start, s, eps):
        """The velocity: [B, C, H, W]"""
        return eps - start

    def min_snr_weights(self, s, gamma):
        """The weights of a noise schedule for the velocity of a flow: float32 [B] to [B]."""
        return torch.minimum((1 - s).square(), gamma * s.square())


def process_of(config):
    """The forward process of a run."""
    diffusion = config["diffusion"]
    if diffusion["objective"] in ("flow", "mean-flow"):
        return Flow(diffusion)
    return NoiseSchedule(diffusion, config["model"]["learnSigma"])
