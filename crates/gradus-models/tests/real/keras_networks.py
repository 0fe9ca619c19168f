"""Writes networks of keras.applications with random weights and statistics, in the formats Keras writes, and what they give.

    KERAS_BACKEND=jax python keras_networks.py FOLDER      # with keras, jax and h5py; about 400 MB

`cases.txt` has a line for each file: its name, the zoo's network, the width, and the `.npz` with an input and the output.
"""

import os
import sys

import h5py
import keras
import numpy as np
from keras.src.legacy.saving import legacy_h5_format


def randomise(model, seed):
    x = np.random.default_rng(seed)
    for layer in model.layers:
        for variable in layer.weights:
            name, shape = variable.path.split("/")[-1], variable.shape
            if name == "moving_variance":
                value = x.uniform(0.4, 2, shape)
            elif name == "gamma":
                value = x.uniform(0.5, 1.2, shape)
            elif "kernel" in name:
                fan = shape[0] * shape[1] * (1 if "depthwise" in layer.name else shape[2]) if len(shape) == 4 else shape[0]
                value = x.normal(0, np.sqrt(2 / fan), shape)
            else:
                value = x.normal(0, 0.3, shape)
            variable.assign(value.astype("float32"))


def write(folder, name, model, zoo, width, ends, seed):
    randomise(model, seed)
    x = np.random.default_rng(seed + 1).normal(size=(1, *model.input_shape[1:])).astype("float32")
    y = np.asarray(model.predict(x, verbose=0))
    np.savez(os.path.join(folder, name + ".npz"), x=x.transpose(0, 3, 1, 2), y=y)
    lines = []
    for end in ends:
        path = os.path.join(folder, name + end)
        if end == ".weights.h5":
            model.save_weights(path)
        elif end == ".old.h5":
            with h5py.File(path, "w") as f:
                legacy_h5_format.save_weights_to_hdf5_group(f, model)
        else:
            model.save(path)
        lines.append(f"{name}{end} {zoo} {width} {name}.npz\n")
    return lines


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    options = {"weights": None, "classifier_activation": None}
    lines = []
    for alpha, ends in [(0.35, [".keras", ".weights.h5", ".h5", ".old.h5"]), (0.5, [".keras"]), (0.75, [".keras"]),
                        (1.0, [".keras", ".old.h5"]), (1.3, [".keras"]), (1.4, [".weights.h5"])]:
        model = keras.applications.MobileNetV2(alpha=alpha, **options)
        lines += write(folder, f"mobilenet{alpha}", model, "mobilenet_v2_keras", alpha, ends, int(100 * alpha))
    resnet = keras.applications.ResNet50(**options)
    lines += write(folder, "resnet50", resnet, "resnet50_v1", 1.0, [".keras", ".weights.h5", ".old.h5"], 7)
    # Last, so that a folder with a list is a whole one.
    with open(os.path.join(folder, "cases.txt"), "w") as f:
        f.writelines(lines)


if __name__ == "__main__":
    main()
