"""Makes the sets of docs/results.md from public ones. Needs numpy.

Usage: make_sets.py pair cifar-100-binary.tar.gz FOLDER
       make_sets.py frames spoken-digits/recordings FOLDER
"""

import re
import sys
import tarfile
import wave
from pathlib import Path

import numpy as np

# The superclasses of CIFAR-100 that are animals or people, by their numbers in the archive.
ALIVE = [0, 1, 7, 8, 11, 12, 13, 14, 15, 16]
RATE, FFT, FRAMES, BANDS = 8000, 1024, 5, 128
NORMAL, STARTS = 6, 5


def pair(archive, folder):
    """CIFAR-100 as two classes: the official test set, and 22,000 training images without those that are in the test set."""
    seen = set()
    with tarfile.open(archive) as tar:
        for split, count in [("test", 10000), ("train", 22000)]:
            file = tar.extractfile(f"cifar-100-binary/{split}.bin")
            rows = np.frombuffer(file.read(), np.uint8).reshape(-1, 3074)[:count]
            if split == "train":
                rows = rows[[row[2:].tobytes() not in seen for row in rows]]
            seen.update(row[2:].tobytes() for row in rows)
            images = rows[:, 2:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
            np.save(folder / f"{split}_images.npy", np.ascontiguousarray(images))
            np.save(folder / f"{split}_labels.npy", np.isin(rows[:, 0], ALIVE).astype(np.uint8))


def bands():
    """Triangles on the mel scale, [BANDS, FFT / 2 + 1]."""
    mel = lambda f: 1127 * np.log1p(f / 700)
    edges = np.linspace(mel(50), mel(RATE / 2), BANDS + 2)
    at = mel(np.arange(FFT // 2 + 1) * RATE / FFT)[None]
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    return np.maximum(0, np.minimum((at - low) / (middle - low), (high - at) / (high - middle)))


def windows(path, starts, triangles):
    """Windows of FRAMES logarithmic spectra that are spread over a recording, [starts, FRAMES * BANDS]."""
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
    samples = np.pad(samples, (0, max(0, FFT - len(samples))))
    room = len(samples) - FFT
    positions = (np.arange(FRAMES)[None] + np.arange(starts)[:, None] / starts) / FRAMES * room
    cut = samples[positions.astype(int)[..., None] + np.arange(FFT)] * np.hanning(FFT)
    power = np.abs(np.fft.rfft(cut)) ** 2
    return np.log(power @ triangles.T + 1e-6).reshape(starts, -1, 1).astype(np.float32)


def frames(recordings, folder):
    """Spectra of spoken digits for an autoencoder: one digit is normal, the others are anomalies.

    Training and validation have the digit NORMAL only; the test split is the official one, of all digits.
    """
    triangles = bands()
    sets = {split: ([], []) for split in ["train", "val", "test"]}
    for path in sorted(recordings.glob("*.wav")):
        digit, number = re.fullmatch(r"(\d)_\w+_(\d+)\.wav", path.name).groups()
        normal, number = int(digit) == NORMAL, int(number)
        split = "test" if number < 5 else "val" if number < 12 else "train"
        if normal or split == "test":
            made = windows(path, 1 if split == "test" else STARTS, triangles)
            sets[split][0].append(made)
            sets[split][1].append(np.full(len(made), 0 if normal else 1, np.uint8))
    for split, (x, y) in sets.items():
        np.save(folder / f"x_{split}.npy", np.concatenate(x))
        np.save(folder / f"y_{split}.npy", np.concatenate(y))


def main():
    kind, source, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    {"pair": pair, "frames": frames}[kind](source, folder)


main()
