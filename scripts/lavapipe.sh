#!/usr/bin/env bash
# Brings lavapipe, mesa's Vulkan driver for CPUs, without installing it, and prints the path of its description, which
# VK_ICD_FILENAMES takes:
#   scripts/lavapipe.sh [--matrices] [FOLDER]
# Debian only. Default FOLDER: lllite/lavapipe in the user's cache, where tests look for it. What is there already is not
# fetched again. Libraries that the driver needs and this system lacks come into FOLDER/lib, for LD_LIBRARY_PATH.
# --matrices brings a newer one, which has subgroup matrices. It comes from Debian 13 with all its libraries, libc too,
# and with FOLDER/node: a copy of this machine's Node that runs on them. It needs a CPU with AVX2.
#   VK_ICD_FILENAMES=FOLDER/lvp_icd.json FOLDER/node PROGRAM
# Default FOLDER with --matrices: lllite/lavapipe-matrices in the user's cache.
# Exits 1, saying why, where it cannot be had.
set -euo pipefail

matrices=false
if [[ "${1:-}" == --matrices ]]; then
  matrices=true
  shift
fi
cache=${XDG_CACHE_HOME:-$HOME/.cache}/lllite

fail() {
  echo "lavapipe cannot be had: $*" >&2
  exit 1
}

[[ "${1:-}" != -* ]] || fail "$1 is not an option; the only one is --matrices"
if $matrices; then folder=${1:-$cache/lavapipe-matrices}; else folder=${1:-$cache/lavapipe}; fi
if [[ -e "$folder/lvp_icd.json" ]]; then
  echo "$folder/lvp_icd.json"
  exit
fi
command -v apt-get > /dev/null || fail "there is no apt-get to take mesa-vulkan-drivers from"
. /etc/os-release
[[ "$ID" == debian ]] || fail "this is $ID, and only Debian's packages are known to fit"
mkdir -p "$folder" || fail "$folder cannot be written"
folder=$(cd "$folder" && pwd)
work=$(mktemp -d "$folder/new.XXXXXX")
trap 'rm -rf "$work"' EXIT

# The first release of mesa that will do, and the release of Debian whose packages are taken. WebGPU wants features that
# mesa has from 25 on; subgroup matrices come with 26.
if $matrices; then
  release=26 suite=trixie
  grep -q -w avx2 /proc/cpuinfo || fail "this CPU has no AVX2, which subgroup matrices need"
else
  release=25 suite=$VERSION_CODENAME
fi

# Sources, lists and archives of our own: the system's stay as they are, and root is not needed.
mirror=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' |
  awk -v release="$VERSION_CODENAME" '$2 == release { print $1; exit }')
[[ -n "$mirror" ]] || fail "no source of $VERSION_CODENAME is configured"
for name in "$suite" "$suite-backports"; do
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $name main"
done > "$work/sources.list"
mkdir -p "$work/lists/partial" "$work/archives/partial" "$work/parts" "$work/lib"
touch "$work/status"
apt() {
  "apt-$1" -qq -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts="$work/parts" \
    -o Dir::State::Lists="$work/lists" -o Dir::State::Status="$work/status" -o Dir::Cache="$work" \
    -o Dir::Cache::Archives="$work/archives" -o Debug::NoLocking=1 -o APT::Sandbox::User="$(id -un)" "${@:2}"
}
apt get update >&2 || fail "the package lists of $mirror cannot be had"

# The release's own driver if it is new enough, or else that of backports.
for version in $(apt cache show --all-versions mesa-vulkan-drivers | awk '/^Version:/ { print $2 }' | sort -V); do
  ! dpkg --compare-versions "$version" ge "$release" || break
done
dpkg --compare-versions "${version:-0}" ge "$release" ||
  fail "the newest mesa-vulkan-drivers of $suite is ${version:-none}, expected $release or newer"
unpack() { for package in "$work"/archives/*.deb; do dpkg-deb --extract "$package" "$work/root"; done; }
take() { find "$work/root" -name "$1" -exec cp --dereference {} "$work/lib/$1" \; -quit; }
with_all_it_needs() {
  apt get install --yes --download-only --no-install-recommends --target-release "$suite-backports" \
    "mesa-vulkan-drivers=$version" "$@" >&2
}

# The driver alone, and of everything that it depends on, what is not found here.
for_this_system() {
  missing() { LD_LIBRARY_PATH="$work/lib" ldd "$work/lib/libvulkan_lvp.so" | awk '/not found/ { print $1 }' | sort -u; }
  (cd "$work/archives" && apt get download "mesa-vulkan-drivers=$version" >&2) || fail "its package cannot be had"
  unpack
  take libvulkan_lvp.so
  [[ -n "$(missing)" ]] || return 0
  with_all_it_needs || true
  unpack
  # What was missing may miss others in turn.
  for _ in 1 2 3; do
    for library in $(missing); do take "$library"; done
  done
  [[ -z "$(missing)" ]] || fail "it needs" $(missing)
}

# Everything down to libc, since another release's driver does not run on this one's, and a Node that starts on it. The
# copy names its libraries itself: in LD_LIBRARY_PATH they would break the programs of this system that Node starts.
with_its_own_libc() {
  local node library
  node=$(node -p process.execPath) || fail "there is no Node to copy"
  with_all_it_needs libvulkan1 libstdc++6 patchelf || fail "its packages cannot be had"
  unpack
  while read -r library; do take "$library"; done < <(
    find "$work/root" -name '*.so.[0-9]*' -printf '%f\n' | sort -u
  )
  take libvulkan_lvp.so
  cp "$node" "$work/node"
  # Without --no-sort this release's patchelf makes a Node that crashes when it starts.
  "$work/lib/ld-linux-x86-64.so.2" --library-path "$work/lib" "$(find "$work/root" -path '*/bin/patchelf')" --no-sort \
    --set-interpreter "$folder/lib/ld-linux-x86-64.so.2" --force-rpath --set-rpath "$folder/lib" "$work/node"
}

if $matrices; then with_its_own_libc; else for_this_system; fi
description=$(find "$work/root/usr/share/vulkan/icd.d" -name 'lvp_icd*.json' | head -n 1)
[[ -n "$description" ]] || fail "mesa-vulkan-drivers $version has no description of it"
sed -E "s|(\"library_path\": *\").*\"|\1$folder/lib/libvulkan_lvp.so\"|" "$description" > "$work/lvp_icd.json"
rm -rf "$folder/lib" "$folder/node"
mv "$work/lib" "$folder"
[[ ! -e "$work/node" ]] || mv "$work/node" "$folder"
[[ ! -e "$folder/node" ]] || "$folder/node" --version > /dev/null || fail "the copy of Node does not start"
# The description comes last: where it is, everything is.
mv "$work/lvp_icd.json" "$folder"
echo "$folder/lvp_icd.json"
