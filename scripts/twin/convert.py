"""What `myna convert INPUT --to TARGET -o OUTPUT` does, the way it is commonly written in Python: librosa and PyTorch.

usage: python -m twin.convert MODEL INPUT TARGET OUTPUT

The same network with the same weights, and as many Griffin-Lim iterations as Myna's default. Simpler than Myna where
that is common and fast: pitch by librosa.yin, the mel inverse by a pseudo-inverse, no matching of statistics."""

import sys

import librosa
import numpy as np
import soundfile
import torch

from .network import CONTENT_IN, MEL_BANDS, STEP_FRAMES, Network
from .streaming import Converter, no_past

RATE, FFT, WINDOW, HOP, ITERATIONS = 16000, 1024, 800, 200, 8


def mel_filters():
    """[bands][bins], never narrower than a bin to each side, each summing to 1: librosa's would have empty ones."""
    hz = librosa.mel_frequencies(MEL_BANDS + 2, fmin=50, fmax=7600, htk=True)[:, None]
    bins = np.arange(FFT // 2 + 1) * RATE / FFT
    centre = hz[1:-1]
    low, high = np.minimum(hz[:-2], centre - bins[1]), np.maximum(hz[2:], centre + bins[1])
    filters = np.maximum(0, np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre)))
    return np.float32(filters / filters.sum(1, keepdims=True))


def listen(path, filters):
    """log-mel [frames][bands] and F0 [frames] of a recording brought to -20 dBFS."""
    samples, _ = librosa.load(path, sr=RATE)
    samples *= 0.1 / max(np.sqrt(np.mean(samples**2)), 1e-5)
    spectrum = np.abs(librosa.stft(samples, n_fft=FFT, win_length=WINDOW, hop_length=HOP))
    f0_hz = librosa.yin(samples, fmin=60, fmax=420, sr=RATE, frame_length=FFT, hop_length=HOP)
    frames = spectrum.shape[1] // 4 * 4
    log_mel = np.log10(np.maximum(filters @ spectrum, 1e-4)).T[:frames]
    return torch.from_numpy(np.float32(log_mel)), torch.from_numpy(np.float32(f0_hz[:frames]))


def pooled(log_mel, front):
    return ((log_mel - front.mel_mean) / front.mel_deviation).view(-1, MEL_BANDS // 4, 4).mean(2)


def pitch_input(f0_hz):
    """A soft one-hot over 64 bins and voicing, of each frame."""
    place = 63 * torch.log2(f0_hz / 50) / 3.2
    bins = torch.relu(1 - (place[:, None] - torch.arange(64)).abs())
    return torch.cat([bins, torch.ones(len(f0_hz), 1)], dim=1)


def main():
    model, source, target, output = sys.argv[1:]
    torch.set_num_threads(1)
    network = Network().eval()
    network.load(model)
    filters = mel_filters()
    with torch.inference_mode():
        reference, reference_f0 = listen(target, filters)
        log_mel, f0_hz = listen(source, filters)
        spoken = pooled(reference, network.front).reshape(-1, CONTENT_IN)
        f0_hz = f0_hz * torch.exp(reference_f0.log().mean() - f0_hz.log().mean())
        content = pooled(log_mel, network.front).reshape(-1, CONTENT_IN)
        pitch = pitch_input(f0_hz.clamp(60, 420)).reshape(len(content), -1)
        ripple = torch.zeros(len(content), STEP_FRAMES * MEL_BANDS)
        converted, _ = Converter(network, spoken[: len(spoken) // 2 * 2])(content, pitch, ripple, no_past())
    magnitude = np.maximum(np.linalg.pinv(filters) @ 10 ** converted.numpy().reshape(-1, MEL_BANDS).T, 0)
    samples = librosa.griffinlim(magnitude, n_iter=ITERATIONS, hop_length=HOP, win_length=WINDOW, n_fft=FFT)
    soundfile.write(output, samples, RATE)


if __name__ == "__main__":
    main()
