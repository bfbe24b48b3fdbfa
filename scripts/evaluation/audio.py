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
        import librosa
        import soundfile

        samples, rate = soundfile.read(f"{corpus}/{path}", always_2d=True)
        samples = samples.mean(axis=1)
        if rate != RATE:
            samples = librosa.resample(samples, orig_sr=rate, target_sr=RATE)
        name = str(pathlib.PurePath("recordings", path).with_suffix(".wav"))
        (self.out / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(self.out / name, samples, RATE)
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


def run(*command):
    subprocess.run([str(word) for word in command], check=True)
