#!/usr/bin/env bash
# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
#
# Makes an SROS2 keystore with the enclaves of config/security/policy.xml, for one camera. Needs the ros2 command line with sros2.
#
#     tools/make_keystore.sh KEYSTORE [--namespace /endoscope/left] [--image-topic /endoscope/left/image_raw] [--dry-run]
set -euo pipefail

namespace=/
image_topic=/endoscope/left/image_raw
dry_run=false
keystore=

usage() { sed -n '5,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }

while [ $# -gt 0 ]; do
  case $1 in
    --namespace) namespace=/${2#/}; shift 2 ;;
    --image-topic) image_topic=$2; shift 2 ;;
    --dry-run) dry_run=true; shift ;;
    -*) usage ;;
    *) [ -z "$keystore" ] || usage; keystore=$1; shift ;;
  esac
done
[ -n "$keystore" ] || usage
for name in "$namespace" "$image_topic"; do
  [[ $name =~ ^/[A-Za-z0-9_/]*$ ]] || { echo "error: '$name' is not an absolute ROS name such as /endoscope/left" >&2; exit 2; }
done

run() {
  if $dry_run; then printf '%q ' "$@"; echo; else "$@"; fi
}

if ! $dry_run && ! ros2 security --help > /dev/null 2>&1; then
  echo 'error: "ros2 security" is missing; source ROS and install it, for example with: apt install ros-jazzy-sros2' >&2
  exit 1
fi

policy=$(mktemp --suffix .xml)
trap 'rm -f "$policy"' EXIT
sed -e "s#<profile ns=\"/\"#<profile ns=\"$namespace\"#" -e "s#/endoscope/left/image_raw#$image_topic#" \
  "$(dirname "${BASH_SOURCE[0]}")/../config/security/policy.xml" > "$policy"

run ros2 security create_keystore "$keystore"
for enclave in /surgsam2 /surgsam2_operator /surgsam2_client; do
  run ros2 security create_enclave "$keystore" "$enclave"
  run ros2 security create_permission "$keystore" "$enclave" "$policy"
done
if $dry_run; then cat "$policy"; fi
echo "ROS_SECURITY_KEYSTORE=$keystore ROS_SECURITY_ENABLE=true ROS_SECURITY_STRATEGY=Enforce" \
  'ROS_SECURITY_ENCLAVE_OVERRIDE=/surgsam2 starts the node under it' >&2
