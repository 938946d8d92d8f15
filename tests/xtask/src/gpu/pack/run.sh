#!/bin/sh
# Uses a rented GPU for some minutes: run.sh RESULTS [--resume]
#
# Every part runs in a process of its own with its own limit of time, and the next one starts whatever
# the last one did. Results are added to RESULTS/results.jsonl as they come. RESULTS is also the run that
# is trained. Nothing but the driver, and for the peer's part PyTorch, is needed.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/settings.sh"
out=${1:-}
[ -n "$out" ] || { echo "usage: run.sh RESULTS [--resume]" >&2; exit 2; }
if [ -e "$out/results.jsonl" ] && [ "${2:-}" != --resume ]; then
    echo "$out: holds results; --resume continues them" >&2
    exit 2
fi
start=$(date +%s)
left() { echo $((LIMIT - $(date +%s) + start)); }
mkdir -p "$out" || exit 3
out=$(cd "$out" && pwd)
results=$out/results.jsonl
log=$out/log.txt
# What came back from an earlier call stays.
(cd "$here/run" && find . -type f) | while read -r file; do
    if [ ! -e "$out/$file" ]; then
        mkdir -p "$(dirname "$out/$file")"
        cp "$here/run/$file" "$out/$file.new" && mv "$out/$file.new" "$out/$file"
    fi
done
work=$(mktemp -d) || exit 3
trap 'rm -rf "$work"' EXIT

# A line that was cut off is ended, so that the next one is whole.
if [ -s "$results" ] && [ -n "$(tail -c 1 "$results")" ]; then echo >>"$results"; fi
done_before() { grep -q "\"part\":\"$1\".*\"done\":true\|\"done\":true.*\"part\":\"$1\"" "$results" 2>/dev/null; }
# part NAME SECONDS COMMAND..: the command's output goes to the log.
part() {
    name=$1 most=$(($2 * SCALE))
    shift 2
    if done_before "$name"; then return 0; fi
    seconds=$(left)
    [ "$seconds" -gt "$most" ] && seconds=$most
    [ "$seconds" -gt 3 ] || return 0
    began=$(date +%s)
    echo "== $name, $seconds s" >>"$log"
    timeout --foreground -k 3 "$seconds" "$@" >>"$log" 2>&1
    code=$?
    echo "{\"part\":\"$name\",\"code\":$code,\"seconds\":$(($(date +%s) - began))}" >>"$results"
    return "$code"
}

# Where the compiler of kernels and its headers lie.
for folder in "${CUDA_PATH:-}" /usr/local/cuda /opt/cuda /usr; do
    if [ -n "$folder" ] && [ -e "$folder/include/cuda_runtime.h" ]; then
        export CUDA_PATH="$folder"
        export LD_LIBRARY_PATH="$folder/lib64:$folder/lib:${LD_LIBRARY_PATH:-}"
        break
    fi
done
environment() {
    date
    uname -a
    nvidia-smi
    nvcc --version
    echo "CUDA_PATH=${CUDA_PATH:-} LD_LIBRARY_PATH=${LD_LIBRARY_PATH:-}"
    ls -l "${CUDA_PATH:-/nowhere}"/lib64/libnvrtc* "${CUDA_PATH:-/nowhere}"/include/cuda_runtime.h
    ldconfig -p | grep -i 'libcuda\.\|nvrtc\|vulkan'
} >>"$log" 2>&1
environment
unpack() {
    xz -dc "$here/supernano.xz" >"$work/supernano" && chmod +x "$work/supernano" || return 1
    [ -e "$here/images.xz" ] || return 0
    xz -dc "$here/xtask.xz" >"$work/xtask" && chmod +x "$work/xtask" || return 1
    xz -dc "$here/images.xz" >"$work/images" || return 1
    "$work/xtask" gpu --unpack "$work/images" --labels "$here/labels.txt" --into "$work/data"
}
unpack >>"$log" 2>&1 || { echo "the pack is damaged" | tee -a "$log" >&2; exit 3; }
cd "$work" || exit 3
# Each part is a process of its own; a kernel is compiled once for all of them.
mkdir kernels && printf '[compilation]\ncache = { file = "%s" }\n' "$work/kernels" >cubecl.toml
DATA=
[ -e "$work/data" ] && DATA="--data $work/data"

# gpu NAME SECONDS ARGUMENTS..: a part of `supernano dev gpu`, which ends by itself before its limit.
gpu() {
    name=$1 limit=$2 most=$(($2 * SCALE))
    shift 2
    deadline=$(($(left) - RESERVE - 8))
    [ "$deadline" -gt $((most - 8)) ] && deadline=$((most - 8))
    [ "$deadline" -gt 0 ] || return 0
    part "$name" "$limit" "$work/supernano" dev gpu --device "$DEVICE" --output "$out" --part "$name" \
        --deadline "$deadline" $DATA "$@"
}
part probe 20 "$work/supernano" probe-device "$DEVICE"
if [ -n "$PEER" ] && ! done_before torch; then
    part torch 40 python3 "$here/torch_step.py" "$results"
fi
# Seconds that a part leaves for those behind it.
RESERVE=0
gpu check 80 --golden "$here/golden.json"
gpu bench 120 --updates "$UPDATES" --sliced-updates 1
gpu reference 40 --codes "$here/codes.csv" --reference "$here/reference"
RESERVE=45
gpu train 320 --slowest "$SLOWEST" --fit-epochs
RESERVE=0
gpu score 90 --codes "$here/codes.csv"
if done_before score; then echo finished; else echo "call again with --resume"; fi
