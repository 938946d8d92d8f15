"""Reads a shipped network's ONNX and safetensors files and compares their answers.

Usage: check_formats.py DIRECTORY CODE [residual]. Prints one JSON object. With `residual`, the weights of
the safetensors file are also run in numpy, as the modules of the reference code.
"""

import json
import re
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from safetensors.numpy import load_file


def onnx_logits(path, images):
    options = onnxruntime.SessionOptions()
    # as the graph is written: fused int8 kernels of some processors saturate
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
    return session.run(["logits"], {"image": images})[0]


def conv(x, weight, stride):
    k = weight.shape[2]
    x = np.pad(x, ((0, 0), (0, 0), (k // 2, k // 2), (k // 2, k // 2)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(2, 3))
    return np.einsum("nchwij,ocij->nohw", windows[:, :, ::stride, ::stride], weight, optimize=True)


def conv_bn(state, name, x, stride):
    y = conv(x, state[f"{name}.0.weight"], stride)
    gamma, beta, mean, var = (
        state[f"{name}.1.{n}"][:, None, None] for n in ("weight", "bias", "running_mean", "running_var")
    )
    return (y - mean) / np.sqrt(var + 1e-5) * gamma + beta


def act(state, name, x):
    slope = state[name][0] if name in state else 0.0
    return np.where(x >= 0, x, slope * x)


def forward(state, images, mean, std):
    """The reference code's modules, in numpy: stem, layerL.B with conv1, conv2, downsample, fc."""
    x = (images.astype(np.float64) / 255 - mean) / std
    x = x.transpose(0, 3, 1, 2)
    x = act(state, "conv1.p_relu.weight", conv_bn(state, "conv1.conv1", x, 1))
    blocks = sorted({m[0] for m in map(lambda k: re.match(r"layer\d+\.\d+", k), state) if m})
    for block in blocks:
        stride = 2 if block.endswith(".0") and block != "layer1.0" else 1
        y = act(state, f"{block}.p_relu1.weight", conv_bn(state, f"{block}.conv1", x, stride))
        y = conv_bn(state, f"{block}.conv2", y, 1)
        if f"{block}.downsample.0.weight" in state:
            x = conv_bn(state, f"{block}.downsample", x, stride)
        x = act(state, f"{block}.p_relu.weight", x + y)
    return x.mean(axis=(2, 3)) @ state["fc.weight"].T + state["fc.bias"]


def main():
    directory, code = Path(sys.argv[1]), sys.argv[2]
    file = lambda ending: directory / (code + ending)
    samples = load_file(file("-samples.safetensors"))
    images, expected = samples["images"], samples["float"]
    found = onnx_logits(file(".onnx"), images)
    integer = samples["int8"] * samples["logit_scale"]
    qdq = onnx_logits(file("-int8.onnx"), images)
    step = (integer.max() - integer.min()) / 255
    steps = np.abs(qdq - integer).max(axis=1) / step
    state = load_file(file(".safetensors"))
    answer = {
        "images": len(images),
        "float_difference": float(np.abs(found - expected).max()),
        "float_range": float(expected.max() - expected.min()),
        "int8_same_answer": float((qdq.argmax(1) == samples["int8"].argmax(1)).mean()),
        "int8_equal_images": float((steps <= 0.05).mean()),
        "int8_difference_steps": float(steps.max()),
        "names": sorted(state),
    }
    if sys.argv[3:] == ["residual"]:
        reference = forward(state, images, samples["mean"], samples["std"])
        answer["torch_difference"] = float(np.abs(reference - expected).max())
    print(json.dumps(answer))


main()
