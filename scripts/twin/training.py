"""Myna's training step in PyTorch: the loss of src/nn/loss.h, the optimisers of src/nn/optim.h and src/nn/muon.h as
src/pipeline/train_update.c drives them."""

import torch

from .network import MEL_BANDS

WARM_UP_STEPS = 200


def loss_parts(out, target):
    """L1, and the L1 of differences from frame to frame, of [items][steps][2 * bands]."""
    error = (out - target).reshape(out.shape[0], -1, MEL_BANDS)
    return error.abs().mean(), (error[:, 1:] - error[:, :-1]).abs().mean()


def schedule(step, n_steps):
    return min(1.0, (step + 1) / WARM_UP_STEPS, (n_steps - step) / (0.15 * n_steps))


def maps(parameter):
    """Is it Muon's?"""
    return parameter.ndim == 2 and min(parameter.shape) >= 16


def orthogonalized(x):
    x = x / x.norm().clamp(min=1e-7)
    for _ in range(5):
        square = x @ x.T if x.shape[0] <= x.shape[1] else x.T @ x
        change = torch.addmm(square, square, square, beta=-4.7750, alpha=2.0315)
        x = torch.addmm(x, *((change, x) if x.shape[0] <= x.shape[1] else (x, change)), beta=3.4445)
    return x


class Muon:
    def __init__(self, parameters):
        self.parameters = parameters
        self.moments = [torch.zeros_like(p) for p in parameters]

    @torch.no_grad()
    def step(self, rate, bfloat16):
        for p, moment in zip(self.parameters, self.moments):
            moment.mul_(0.95).add_(p.grad)
            x = p.grad.add(moment, alpha=0.95)
            x = orthogonalized(x.bfloat16() if bfloat16 else x)
            p.mul_(1 - rate * 0.01).add_(x.to(p.dtype), alpha=-rate * 0.2 * max(p.shape) ** 0.5)


class Trainer:
    def __init__(self, network, rate=1.5e-3, n_steps=100000):
        self.network, self.rate, self.n_steps, self.n_done = network, rate, n_steps, 0
        self.parameters = list(network.parameters())
        self.muon = Muon([p for p in self.parameters if maps(p)])
        rest = [p for p in self.parameters if not maps(p)]
        groups = [
            {"params": [p for p in rest if p.ndim == 2], "weight_decay": 0.01},
            {"params": [p for p in rest if p.ndim != 2], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98), eps=1e-8, fused=True)
        self.average = [p.detach().clone() for p in self.parameters]

    def step(self, batch, target, latency, bfloat16=False):
        """(loss, L1, the gradient's norm before clipping, learning rate). bfloat16: under torch.autocast, which rounds the
        factors of matrix products as Myna does where that is fast."""
        self.network.zero_grad()
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
        self.muon.step(rate, bfloat16)
        decay = min(0.999, (1 + self.n_done) / (10 + self.n_done))
        torch._foreach_lerp_(self.average, [p.detach() for p in self.parameters], 1 - decay)
        self.n_done += 1
        return loss.item(), l1.item(), norm.item(), rate
