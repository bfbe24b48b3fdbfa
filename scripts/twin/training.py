"""Myna's training step in PyTorch: the loss of src/nn/loss.h, the optimiser of src/nn/optim.h as src/pipeline/train.c
drives it."""

import torch

from .network import MEL_BANDS

WARM_UP_STEPS = 200


def loss_parts(out, target):
    """L1, and the L1 of differences from frame to frame, of [items][steps][2 * bands]."""
    error = (out - target).reshape(out.shape[0], -1, MEL_BANDS)
    return error.abs().mean(), (error[:, 1:] - error[:, :-1]).abs().mean()


def schedule(step, n_steps):
    return min(1.0, (step + 1) / WARM_UP_STEPS, (n_steps - step) / (0.15 * n_steps))


class Trainer:
    def __init__(self, network, rate=1.5e-3, n_steps=100000):
        self.network, self.rate, self.n_steps, self.n_done = network, rate, n_steps, 0
        self.parameters = list(network.parameters())
        groups = [
            {"params": [p for p in self.parameters if p.ndim == 2], "weight_decay": 0.01},
            {"params": [p for p in self.parameters if p.ndim != 2], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98), eps=1e-8, fused=True)
        self.average = [p.detach().clone() for p in self.parameters]

    def step(self, batch, target, latency, bfloat16=False):
        """(loss, L1, the gradient's norm before clipping, learning rate). bfloat16: under torch.autocast, which rounds the
        factors of matrix products as Myna does where that is fast."""
        self.optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            out = self.network(*batch, latency)
        l1, difference = loss_parts(out.float(), target)
        loss = l1 + 0.5 * difference
        loss.backward()
        gradients = [p.grad for p in self.parameters]
        norm = torch.nn.utils.get_total_norm(gradients)
        if norm > 1:
            torch._foreach_mul_(gradients, 1 / norm)
        rate = self.rate * schedule(self.n_done, self.n_steps)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        decay = min(0.999, (1 + self.n_done) / (10 + self.n_done))
        torch._foreach_lerp_(self.average, [p.detach() for p in self.parameters], 1 - decay)
        self.n_done += 1
        return loss.item(), l1.item(), norm.item(), rate
