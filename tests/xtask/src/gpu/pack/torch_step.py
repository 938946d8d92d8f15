"""The full supernet step of ResNet20 (the largest network and 8 others, batch 128) in PyTorch, as a peer.

The argument is a file to which a JSON line is added for every precision, with and without CUDA graphs.
"""
import json
import random
import sys
import time

import torch
import torch.nn.functional as F

out = sys.argv[1]
device = "cuda" if torch.cuda.is_available() else "cpu"
random.seed(0)
torch.manual_seed(0)
GROUP = [16] * 7 + [32] * 6 + [64] * 6
EFFECTIVE = {4: 5, 8: 9}


def line(**values):
    with open(out, "a") as file:
        file.write(json.dumps({"part": "torch", **values}, separators=(",", ":")) + "\n")


def parameter(*shape, value=None):
    data = torch.randn(*shape) * 0.05 if value is None else torch.full(shape, value)
    data = data.to(device)
    if len(shape) == 4:
        data = data.contiguous(memory_format=torch.channels_last)
    return torch.nn.Parameter(data)


conv = [parameter(GROUP[i], GROUP[i - 1] if i else 3, 3, 3) for i in range(19)]
projection = [parameter(GROUP[2 + 2 * b], GROUP[2 * b], 1, 1) for b in range(9)]
norm = [(parameter(g, value=1.0), parameter(g, value=0.0)) for g in GROUP]
norm_projection = [
    (parameter(GROUP[2 + 2 * b], value=1.0), parameter(GROUP[2 + 2 * b], value=0.0)) for b in range(9)
]
slope = [parameter(1, value=0.25) for _ in range(9)]
classifier, bias = parameter(100, 64), parameter(100, value=0.0)
parameters = [*conv, *projection, *slope, classifier, bias]
parameters += [p for pair in norm + norm_projection for p in pair]


def bn(x, pair, c):
    return F.batch_norm(x, None, None, pair[0][:c], pair[1][:c], True, 0.1, 1e-5)


def forward(x, widths):
    x = F.relu(bn(F.conv2d(x, conv[0][: widths[0]], padding=1), norm[0], widths[0]))
    for b in range(9):
        first, last, stride = 1 + 2 * b, 2 + 2 * b, 2 if b in (3, 6) else 1
        a, o, i = widths[first], widths[last], x.shape[1]
        y = F.conv2d(x, conv[first][:a, :i], stride=stride, padding=1)
        y = F.conv2d(F.relu(bn(y, norm[first], a)), conv[last][:o, :a], padding=1)
        z = F.conv2d(x, projection[b][:o, :i], stride=stride)
        x = F.prelu(bn(y, norm[last], o) + bn(z, norm_projection[b], o), slope[b])
    return F.linear(x.mean((2, 3)), classifier[:, : x.shape[1]], bias)


def draw():
    return [EFFECTIVE.get(w, w) for w in (4 * random.randint(1, g // 4) for g in GROUP)]


paths = [draw() for _ in range(8)]
images = (torch.rand(128, 3, 32, 32, device=device) * 4 - 2).contiguous(memory_format=torch.channels_last)
labels = torch.randint(0, 100, (128,), device=device)
optimizer = torch.optim.SGD(parameters, lr=0.01, momentum=0.9, weight_decay=5e-4)


def step(precision):
    half = precision == "bfloat16"
    optimizer.zero_grad(set_to_none=False)
    with torch.autocast(device, dtype=torch.bfloat16, enabled=half):
        teacher = forward(images, GROUP)
    F.cross_entropy(teacher.float(), labels).backward()
    soft = F.softmax(teacher.detach().float(), 1)
    for widths in paths:
        with torch.autocast(device, dtype=torch.bfloat16, enabled=half):
            student = forward(images, widths)
        student = student.float()
        loss = 0.2 * F.cross_entropy(student, labels) + 0.8 * F.cross_entropy(student, soft)
        loss.backward()
    optimizer.step()


def timed(run, updates):
    each = []
    for _ in range(updates):
        started = time.perf_counter()
        run()
        if device == "cuda":
            torch.cuda.synchronize()
        each.append(1e3 * (time.perf_counter() - started))
    return each


name = torch.cuda.get_device_name() if device == "cuda" else "cpu"
for precision in ("float32", "tf32", "bfloat16"):
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
    common = {"card": name, "torch": torch.__version__, "precision": precision}
    for p in parameters:
        p.grad = torch.zeros_like(p)
    try:
        timed(lambda: step(precision), 3)
        line(graph=False, each_ms=timed(lambda: step(precision), 10), **common)
        if device != "cuda":
            continue
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            timed(lambda: step(precision), 3)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            step(precision)
        line(graph=True, each_ms=timed(graph.replay, 20), **common)
    except Exception as error:  # The other precisions go on.
        line(error=repr(error), **common)
line(done=True, card=name)
