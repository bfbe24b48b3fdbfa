"""The mean of several models' weights: see scripts/average-models."""

import sys

import numpy as np

from twin import tensor_file


def main(out, *paths):
    models = [tensor_file.read(path) for path in paths]
    for path, (tensors, own) in zip(paths, models):
        if own.get("format") != "myna-model":
            sys.exit(f"{path}: not a model")
        if {k: v.shape for k, v in tensors.items()} != {k: v.shape for k, v in models[0][0].items()}:
            sys.exit(f"{path}: not of the shape of {paths[0]}")
    mean = {name: np.mean([tensors[name] for tensors, _ in models], axis=0) for name in models[0][0]}
    facts = {k: v for k, v in models[0][1].items() if not k.startswith("training.")}
    facts["training.mean_of"] = " ".join(own["checksum"] for _, own in models)
    halves = {name: values.astype(np.float16) if values.ndim == 2 else values for name, values in mean.items()}
    tensor_file.write(out, "myna-model", halves, facts)


if __name__ == "__main__":
    main(*sys.argv[1:])
