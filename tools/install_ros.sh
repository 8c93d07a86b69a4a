#!/usr/bin/env bash
# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
#
# Builds both packages in a workspace of an installed ROS (Ubuntu 24.04: Jazzy or Kilted), with what apt does not have in a virtual
# environment over the system's Python: pip may not write to that itself (PEP 668). colcon runs in the environment, so that the
# executables it makes start its Python.
#
#     tools/install_ros.sh [--distro jazzy] [--workspace ~/surgsam2_ws] [--dry-run]
#
# Then, in every shell: source WORKSPACE/venv/bin/activate; source WORKSPACE/install/setup.bash
# TORCH_INDEX=URL takes torch from an index of its own, for example that of the CUDA builds.
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
distro=${ROS_DISTRO:-jazzy}
workspace=$HOME/surgsam2_ws
dry_run=false

usage() {
  sed -n '9s/^# *//p' "${BASH_SOURCE[0]}" >&2
  exit 2
}

while [ $# -gt 0 ]; do
  case $1 in
    --distro) distro=${2:?--distro needs a value}; shift 2 ;;
    --workspace) workspace=${2:?--workspace needs a value}; shift 2 ;;
    --dry-run) dry_run=true; shift ;;
    *) usage ;;
  esac
done
case $distro in
  jazzy | kilted) ;;
  *) echo "error: '$distro' is not known; jazzy and kilted are, see docs/platforms.md" >&2; exit 2 ;;
esac
if ! $dry_run && [ ! -f "/opt/ros/$distro/setup.bash" ]; then
  echo "error: /opt/ros/$distro is missing; install ROS first, ros-$distro-ros-base at least" >&2
  exit 1
fi

run() {
  if $dry_run; then
    printf '%q ' "$@"
    echo
  else
    "$@"
  fi
}

pinned() { grep -E "^$1==" "$repository/requirements/run.txt"; }

if $dry_run; then
  echo "source /opt/ros/$distro/setup.bash"
else
  set +u # setup.bash reads variables that are not set
  # shellcheck source=/dev/null
  source "/opt/ros/$distro/setup.bash"
  set -u
fi
sudo=()
[ "$(id -u)" = 0 ] || sudo=(sudo)
run "${sudo[@]}" apt-get install -y build-essential python3-venv python3-rosdep python3-colcon-common-extensions
[ -d /etc/ros/rosdep/sources.list.d ] || run "${sudo[@]}" rosdep init
run rosdep update --rosdistro "$distro"
run rosdep install --from-paths "$repository" "$repository/surgsam2_msgs" --ignore-src --rosdistro "$distro" -y
run mkdir -p "$workspace"
run python3 -m venv --system-site-packages "$workspace/venv"
run "$workspace/venv/bin/python" -m pip install ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} "$(pinned torch)"
run "$workspace/venv/bin/python" -m pip install "$(pinned safetensors)" "$(pinned rosbags)"
run "$workspace/venv/bin/python" -m pip install --no-deps -r "$repository/requirements/console.txt" # of console:=true
# colcon, too, runs on the environment's Python: the executables that it installs then begin with `#!WORKSPACE/venv/bin/python`.
run "$workspace/venv/bin/python" /usr/bin/colcon --log-base "$workspace/log" build \
  --base-paths "$repository" "$repository/surgsam2_msgs" \
  --build-base "$workspace/build" --install-base "$workspace/install" \
  --cmake-args "-DPython3_EXECUTABLE=$workspace/venv/bin/python3"
