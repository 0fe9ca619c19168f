"""Networks of torchvision and timm with random weights, exported by PyTorch, in ONNX Runtime and in Gradus.

    python check_models.py FOLDER GRADUS [NAME...]      # needs torch, torchvision, timm, onnx, onnxscript, onnxruntime

FOLDER keeps the exported models; GRADUS is the program. Outputs may differ by 1e-4 of the largest. Prints a line for each network
and ends with an error if one differs or does not run.
"""

import pathlib
import subprocess
import sys
import warnings

import numpy as np
import onnxruntime
import torch

warnings.filterwarnings("ignore")
folder, program, names = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
folder.mkdir(parents=True, exist_ok=True)

# name: pixels along a side
TORCHVISION = {
    "alexnet": 96, "convnext_tiny": 64, "densenet121": 64, "efficientnet_b0": 64, "efficientnet_v2_s": 64, "googlenet": 64,
    "inception_v3": 96, "maxvit_t": 224, "mnasnet0_5": 64, "mobilenet_v2": 64, "mobilenet_v3_small": 64, "regnet_x_400mf": 64,
    "regnet_y_400mf": 64, "resnet18": 64, "resnext50_32x4d": 64, "shufflenet_v2_x0_5": 64, "squeezenet1_1": 64, "swin_t": 64,
    "swin_v2_t": 64, "vgg11_bn": 64, "vit_b_32": 224, "wide_resnet50_2": 64,
}
TIMM = {
    "beit_base_patch16_224": 224, "cait_xxs24_224": 224, "coatnet_nano_rw_224": 224, "convmixer_768_32": 64,
    "crossvit_tiny_240": 240, "deit_tiny_patch16_224": 224, "edgenext_xx_small": 64, "efficientformer_l1": 224,
    "ghostnet_050": 64, "levit_128s": 224, "mixer_s32_224": 224, "mobilevit_xxs": 64, "pit_ti_224": 224, "poolformer_s12": 64,
    "repvgg_a0": 64, "resmlp_12_224": 224, "tf_efficientnet_lite0": 64, "xcit_nano_12_p16_224": 224,
}
VIDEO = {"r3d_18": 32, "mc3_18": 32}
SEGMENTATION = {"deeplabv3_mobilenet_v3_large": 64, "lraspp_mobilenet_v3_large": 64, "fcn_resnet50": 64}
DETECTION = {"ssdlite320_mobilenet_v3_large": 320, "fasterrcnn_mobilenet_v3_large_320_fpn": 320}
# What PyTorch's newer exporter does not take, its older one exports.
OLDER = {"beit_base_patch16_224", *DETECTION}


def network(name):
    """The network and its input. No weights are all zeros, as some are made: what follows them would be nothing."""
    torch.manual_seed(0)
    net, x = made(name)
    with torch.no_grad():
        for weight in net.parameters():
            if not weight.any():
                weight.normal_(std=0.05)
    return net, x


def made(name):
    import timm
    import torchvision

    if name in TIMM:
        return timm.create_model(name, pretrained=False).eval(), torch.randn(2, 3, TIMM[name], TIMM[name])
    if name in VIDEO:
        net = getattr(torchvision.models.video, name)(weights=None)
        return net.eval(), torch.randn(1, 3, 8, VIDEO[name], VIDEO[name])
    if name in SEGMENTATION:
        net = getattr(torchvision.models.segmentation, name)(weights=None, weights_backbone=None)
        return net.eval(), torch.randn(1, 3, SEGMENTATION[name], SEGMENTATION[name])
    if name in DETECTION:
        # Whatever the score: random weights find nothing that is likely.
        most = {"score_thresh": 0.0, "detections_per_img": 20}
        if name.startswith("faster"):
            most = {f"box_{key}": value for key, value in most.items()}
        net = getattr(torchvision.models.detection, name)(weights=None, weights_backbone=None, **most)
        return net.eval(), torch.rand(1, 3, DETECTION[name], DETECTION[name])
    net = getattr(torchvision.models, name)(weights=None).eval()
    return net, torch.randn(2, 3, TORCHVISION[name], TORCHVISION[name])


def exported(name):
    """The model's file, its input, and what ONNX Runtime makes of it; made once."""
    model, given, want = (folder / f"{name}.{end}" for end in ("onnx", "npy", "npz"))
    if not want.exists():
        net, x = network(name)
        arguments = (x,) if name not in DETECTION else (list(x),)
        torch.onnx.export(net, arguments, str(model), dynamo=name not in OLDER, verbose=False, external_data=False)
        session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
        x = x.numpy() if name not in DETECTION else x[0].numpy()
        np.save(given, x)
        outputs = session.run(None, {session.get_inputs()[0].name: x})
        np.savez(want, **{o.name: y for o, y in zip(session.get_outputs(), outputs)})
    return model, given, want


def compared(name):
    """What Gradus's outputs are like."""
    model, given, want = exported(name)
    out = folder / f"{name}-out"
    command = [program, "run", str(model), "--input", str(given), "--output", str(out), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        return False, done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit {done.returncode}"
    import json
    files = {o["name"]: o["file"] for o in json.loads(done.stdout.strip().splitlines()[-1])["outputs"]}
    worst = 0.0
    for key, y in np.load(want).items():
        found = np.load(files[key])
        if not y.size or not np.any(y):
            return False, f"{key}: nothing to compare, {y.shape}"
        if found.shape != y.shape:
            return False, f"{key}: shape {found.shape} for {y.shape}"
        difference = np.abs(found.astype(np.float64) - y.astype(np.float64))
        worst = max(worst, float(difference.max() / np.abs(y.astype(np.float64)).max()))
    return worst <= 1e-4, f"largest difference {worst:.1e}"


failed = []
everything = {**TORCHVISION, **TIMM, **VIDEO, **SEGMENTATION, **DETECTION}
for name in names or everything:
    try:
        good, line = compared(name)
    except Exception as error:
        good, line = False, f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:200]
    print("passed" if good else "FAILED", name, line, flush=True)
    failed += [] if good else [name]
print(f"{len(names or everything) - len(failed)} passed, {len(failed)} failed")
sys.exit(1 if failed else 0)
