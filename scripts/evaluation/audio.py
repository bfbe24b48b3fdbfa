"""Makes the recordings of an evaluation and their pictures, with Myna's own programs."""

import pathlib
import subprocess

RATE = 16000


class Studio:
    """Writes into the folder `out`, under names relative to it; `myna` and `copy_synthesis` are paths of programs."""

    def __init__(self, myna, copy_synthesis, out):
        self.myna, self.copy_synthesis, self.out = myna, copy_synthesis, pathlib.Path(out)
        (self.out / "converted").mkdir(parents=True, exist_ok=True)

    def take(self, corpus, path):
        """The corpus's recording as 16 kHz mono WAV, so that all judges and players get the same samples."""
        import soundfile

        samples = read(f"{corpus}/{path}")
        name = str(pathlib.PurePath("recordings", path).with_suffix(".wav"))
        (self.out / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(self.out / name, samples, RATE)
        return name

    def add_noise(self, source, corpus, others, decibels):
        """The source with other recordings of the corpus behind it, from their start and again and again, each as loud
        as the next and together `decibels` softer than the source's speech."""
        import numpy
        import soundfile

        samples, name = read(self.out / source), source.replace(".wav", ".noisy.wav")
        voices = [read(f"{corpus}/{path}") for path in others]
        noise = sum(numpy.resize(voice, len(samples)) / speech_level(voice) for voice in voices)
        loudness = speech_level(samples) / speech_level(noise) * 10 ** (-decibels / 20)
        noisy = samples + loudness * noise
        soundfile.write(self.out / name, noisy / max(1, abs(noisy).max()), RATE)
        return name

    def copy(self, source, latency, iterations):
        """Copy synthesis: its own log-mel and F0 through the waveform stage."""
        name = source.replace(".wav", ".copy.wav")
        run(self.copy_synthesis, self.out / source, self.out / name, latency, iterations)
        return name

    def convert(self, source, target, name, model, options):
        name = f"converted/{name}.wav"
        voice = ("--to", self.out / target, "-m", model)
        run(self.myna, "convert", self.out / source, *voice, "-o", self.out / name, "--force", "--quiet", *options)
        return name

    def tune(self, target, model):
        """A voice whose embedding and FiLM followed the gradient to the recording; None where that is too short."""
        name = str(pathlib.PurePath(target).with_suffix(".voice"))
        command = [self.myna, "voice", "enroll", self.out / target, "-o", self.out / name, "-m", model, "--tune", "--force"]
        return name if subprocess.run(command, stderr=subprocess.DEVNULL).returncode == 0 else None

    def plot(self, recording):
        """Waveform, log-mel spectrogram and F0."""
        picture = recording.replace(".wav", ".png")
        run(self.myna, "plot", self.out / recording, "-o", self.out / picture, "--width", 560, "--force")


def read(path):
    """A recording's samples at 16 kHz, its channels mixed."""
    import librosa
    import soundfile

    samples, rate = soundfile.read(path, always_2d=True)
    samples = samples.mean(axis=1)
    return samples if rate == RATE else librosa.resample(samples, orig_sr=rate, target_sr=RATE)


def speech_level(samples):
    """Root mean square of the blocks of 25 ms that are within 30 dB of the loudest."""
    block = RATE // 40
    power = (samples[: len(samples) // block * block].reshape(-1, block) ** 2).mean(axis=1)
    return power[power >= power.max() / 1000].mean() ** 0.5


def run(*command):
    subprocess.run([str(word) for word in command], check=True)
