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
# Files that came back from an earlier call may be read-only.
chmod -R u+w "$out"
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

# Folders of a CUDA toolkit or of the wheels that PyTorch brings, the likely ones first.
cuda_folders() {
    echo "${CUDA_PATH:-}"
    echo "${CUDA_HOME:-}"
    nvcc=$(command -v nvcc) && dirname "$(dirname "$(readlink -f "$nvcc")")"
    for folder in /usr/local/cuda /opt/cuda /usr/local/cuda-*; do echo "$folder"; done
    timeout 20 python3 -c 'import glob, importlib.util as u
for f in list(u.find_spec("nvidia").submodule_search_locations):
    print(*glob.glob(f + "/cu*") + [f + "/cuda_nvrtc", f + "/cuda_runtime"], sep="\n")' 2>/dev/null
    echo /usr
}
# add FOLDER: has the loader search one more folder, after those that the machine names.
libraries=${LD_LIBRARY_PATH:-}
add() { libraries=${libraries:+$libraries:}$1; }
# The headers of kernels and their compiler; a folder with both is taken for both.
headers='' compiler=''
for folder in $(cuda_folders); do
    nvrtc=''
    for library in "$folder"/lib64/libnvrtc.so* "$folder"/lib/libnvrtc.so*; do
        if [ -z "$nvrtc" ] && [ -e "$library" ]; then nvrtc=$(dirname "$library"); fi
    done
    if [ -e "$folder/include/cuda_runtime.h" ]; then
        if [ -n "$nvrtc" ]; then headers=$folder compiler=$nvrtc; break; fi
        [ -n "$headers" ] || headers=$folder
    fi
    [ -n "$compiler" ] || compiler=$nvrtc
done
if [ -n "$headers" ]; then export CUDA_PATH="$headers"; fi
if [ -n "$compiler" ]; then add "$compiler"; fi
for folder in /usr/local/nvidia/lib64 /usr/local/nvidia/lib /usr/lib/wsl/lib; do
    if [ -e "$folder/libcuda.so.1" ]; then add "$folder"; fi
done
environment() {
    date
    uname -a
    timeout 10 nvidia-smi
    timeout 5 nvcc --version
    timeout 5 ldd --version 2>&1 | head -n 1
    nproc
    df -h "$work"
    echo "CUDA_PATH=${CUDA_PATH:-} LD_LIBRARY_PATH=$libraries"
    ls -l "${compiler:-/nowhere}"/libnvrtc* "${CUDA_PATH:-/nowhere}"/include/cuda_runtime.h
    timeout 5 ldconfig -p | grep -i 'libcuda\.\|nvrtc\|vulkan'
} >>"$log" 2>&1
environment

# unxz FROM TO: some machines have no xz.
unxz() {
    timeout 60 xz -dc "$1" >"$2" || timeout 60 python3 -c 'import lzma, shutil, sys
with lzma.open(sys.argv[1]) as a, open(sys.argv[2], "wb") as b: shutil.copyfileobj(a, b)' "$1" "$2"
}
unpack_images() {
    unxz "$here/xtask.xz" "$work/xtask" && chmod +x "$work/xtask" || return 1
    unxz "$here/images.xz" "$work/images" || return 1
    timeout 60 "$work/xtask" gpu --unpack "$work/images" --labels "$here/labels.txt" --into "$work/data"
}
cd "$work" || exit 3
if [ -n "$PEER" ] && ! done_before torch; then
    part torch 45 python3 "$here/torch_step.py" "$results"
fi
# PyTorch has found its own libraries without these.
export LD_LIBRARY_PATH="$libraries"
{ unxz "$here/supernano.xz" "$work/supernano" && chmod +x "$work/supernano"; } >>"$log" 2>&1 ||
    { echo "the pack's program is damaged" | tee -a "$log" >&2; exit 3; }
DATA='' GOLDEN="--golden $here/golden.json"
if [ -e "$here/images.xz" ]; then
    if unpack_images >>"$log" 2>&1; then
        DATA="--data $work/data"
    else
        # The comparisons with the CPU in the same process need no images.
        echo "the pack's images are damaged" | tee -a "$log" >&2
        GOLDEN=''
    fi
fi
# Each part is a process of its own; a kernel is compiled once for all of them. A folder in KERNELS keeps
# the compiled kernels for later calls.
KERNELS=${KERNELS:-$work/kernels}
mkdir -p "$KERNELS" && printf '[compilation]\ncache = { file = "%s" }\n' "$KERNELS" >cubecl.toml

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
part probe 30 "$work/supernano" probe-device "$DEVICE"
# Seconds that a part leaves for those behind it.
RESERVE=0
gpu check 110 $GOLDEN
gpu bench 110 --updates "$UPDATES" --sliced-updates 1
gpu reference 40 --codes "$here/codes.csv" --reference "$here/reference"
RESERVE=45
gpu train 320 --slowest "$SLOWEST" --fit-epochs
RESERVE=0
gpu score 90 --codes "$here/codes.csv"
if done_before score; then echo finished; else echo "call again with --resume"; fi
