#!/usr/bin/env bash
# From a ResNet of your own to a network that leaves the tool: ./walk.sh in a copy of this folder.
set -euo pipefail
cd "$(dirname "$0")"

# 1. Images in class folders. Put your own there instead.
test -d images || python draw_images.py images

# 2. Train the teacher, distil the supernet, measure NSR and latencies, search, retrain, report.
qabwnas run resnet.yaml --output run

# 3. A new question: the least NSR of all networks within 1.2 times the smallest latency on this machine.
smallest=$(qabwnas search run/lut-latency.h5 --minimize 'latency_ms[here]' --json |
    python -c 'import json, sys; print(json.load(sys.stdin)["answers"][0]["totals"]["latency_ms[here]"])')
budget=$(python -c "print(round(1.2 * float('$smallest'), 4))")
qabwnas search run/lut-latency.h5 --minimize nsr --budget "latency_ms[here]=$budget" --json > answer.json

# 4. Retrain the answer, compare it in the report, and export it.
name=$(qabwnas retrain run --answer answer.json)
qabwnas report run
qabwnas export run --answer "$name" --output exported

# 5. The same network as a module of PyTorch gives the same outputs.
python check.py run "$name" exported/model.onnx
