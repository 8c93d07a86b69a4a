#!/usr/bin/env bash
# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
#
# Does what the README says on a Debian that has nothing yet: a root made by debootstrap, the README's apt line, make demo, make test.
#
#     sudo [MIRROR=http://deb.debian.org/debian] tools/bare_debian.sh bookworm|trixie [ROOT] [TARGET …]
#
# ROOT is the folder of the new system (default /var/tmp/bare_SUITE, 8 GB) and stays for the next run. TARGETs are those of make (default:
# demo test). What pip and apt are told on this machine (/etc/pip.conf, /etc/xdg/pip, PIP_*, http_proxy …) holds there too.
set -euo pipefail

suite=${1:-}
case $suite in
  bookworm | trixie) ;;
  *) sed -n '7s/^# *//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
root=${2:-/var/tmp/bare_$suite}
targets=("${@:3}")
[ ${#targets[@]} -gt 0 ] || targets=(demo test)
mirror=${MIRROR:-http://deb.debian.org/debian}
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
[ "$(id -u)" = 0 ] || { echo 'error: chroot needs root; call it with sudo' >&2; exit 1; }
command -v debootstrap > /dev/null || { echo 'error: debootstrap is missing; for example: apt install debootstrap' >&2; exit 1; }

# The line that a reader of the README types, so that it is this one that is tried.
packages=$(sed -n 's/^    sudo apt install //p' "$repository/README.md" | head -n 1)
[ -n "$packages" ] || { echo 'error: README.md has no line "sudo apt install …"' >&2; exit 1; }

if [ ! -f "$root/.complete" ]; then # an interrupted debootstrap is begun anew
  [ ! -e "$root" ] || [ -d "$root/debootstrap" ] || { echo "error: $root exists and is no root of this script" >&2; exit 1; }
  rm -rf "$root"
  debootstrap --variant=minbase "$suite" "$root" "$mirror"
  touch "$root/.complete"
fi
for path in /etc/resolv.conf /etc/hosts /etc/pip.conf /etc/xdg/pip /etc/ssl/certs /usr/local/share/ca-certificates; do
  [ ! -e "$path" ] || { mkdir -p "$root$(dirname "$path")" && cp -rL "$path" "$root$(dirname "$path")/"; }
done
mkdir -p "$root/proc" "$root/dev/shm" "$root/home/user/surgsam2_ros"
mounted=()
finish() { for folder in "${mounted[@]}"; do umount -l "$root$folder"; done; }
trap finish EXIT
mount -t proc proc "$root/proc" && mounted=(/proc)
mount --rbind /dev "$root/dev" && mounted=(/dev "${mounted[@]}")
mount --make-rslave "$root/dev" # its end must not end this machine's own
for folder in ${EXTRA_FOLDERS:-}; do # for example local wheels that pip is told of
  mkdir -p "$root$folder"
  mount --bind "$folder" "$root$folder" && mounted=("$folder" "${mounted[@]}")
done

tar -C "$repository" --exclude='./.venv*' --exclude=./build -cf - . | tar -C "$root/home/user/surgsam2_ros" -xf -
inside() { chroot "$root" /usr/bin/env -u PYTHONPATH -u VIRTUAL_ENV HOME=/root LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin bash -ec "$1"; }
inside "apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends ca-certificates $packages"
for target in "${targets[@]}"; do
  inside "cd /home/user/surgsam2_ros && make $target"
done
