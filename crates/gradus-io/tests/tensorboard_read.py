"""Reads a folder of event files with TensorBoard's own EventAccumulator; prints one JSON object.

Called by the test `tensorboard_reads_back_every_value` as `python tensorboard_read.py FOLDER`.

TensorBoard has two accumulators. The public one has a list for each kind of value, but forgets to
drop tensors (so texts) when a run restarts; the one behind the web page migrates every value to a
tensor and drops them all. Texts, and the tab that each tag is shown on, are asked of the latter.
"""

import base64
import json
import sys

from tensorboard.backend.event_processing import plugin_event_accumulator
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

ALL = {"scalars": 0, "histograms": 0, "images": 0, "tensors": 0}  # 0: keep every one
TABS = ["scalars", "histograms", "images", "text"]


def histogram(event):
    h = event.histogram_value
    return {
        "min": h.min, "max": h.max, "count": h.num, "sum": h.sum, "sum_of_squares": h.sum_squares,
        "limits": list(h.bucket_limit), "counts": list(h.bucket),
    }


def image(event):
    png = base64.b64encode(event.encoded_image_string).decode()
    return {"height": event.height, "width": event.width, "png": png}


def text(event):
    return event.tensor_proto.string_val[0].decode()


def node(n):
    shapes = n.attr["_output_shapes"].list.shape if "_output_shapes" in n.attr else []
    return {
        "name": n.name,
        "op": n.op,
        "inputs": list(n.input),
        "shape": [axis.size for axis in shapes[0].dim] if shapes else None,
        "attributes": {k: v.s.decode() for k, v in n.attr.items() if k != "_output_shapes"},
    }


def read(folder):
    accumulator = EventAccumulator(folder, size_guidance=ALL)
    accumulator.Reload()
    tags = accumulator.Tags()
    page = plugin_event_accumulator.EventAccumulator(
        folder, size_guidance={}, tensor_size_guidance=dict.fromkeys(TABS, 0)
    )
    page.Reload()

    def shown_on(tab):
        try:
            return sorted(page.PluginTagToContent(tab))
        except KeyError:  # nothing is
            return []

    tabs = {tab: shown_on(tab) for tab in TABS}

    def series(tags, events, value):
        return {t: [[e.wall_time, e.step, value(e)] for e in events(t)] for t in tags}

    return {
        "scalars": series(tags["scalars"], accumulator.Scalars, lambda e: e.value),
        "histograms": series(tags["histograms"], accumulator.Histograms, histogram),
        "images": series(tags["images"], accumulator.Images, image),
        "texts": series(tabs["text"], page.Tensors, text),
        "graph": [node(n) for n in accumulator.Graph().node] if tags["graph"] else None,
        "tabs": tabs,
    }


if __name__ == "__main__":
    print(json.dumps(read(sys.argv[1])))
