#!/usr/bin/env bash
# Fetches lavapipe, mesa's Vulkan driver for CPUs, without installing it. Prints the path of its description, for
# VK_ICD_FILENAMES:
#   scripts/lavapipe.sh [--matrices] [FOLDER]
# Debian only. Default FOLDER: lllite/lavapipe in the user's cache, where tests look for it. Existing files are not fetched
# again. Libraries that the driver needs and this system lacks are put into FOLDER/lib, for LD_LIBRARY_PATH.
# --matrices fetches a newer driver, which has subgroup matrices. It comes from Debian 13 with all its libraries, libc
# included. FOLDER/node is then a copy of this machine's Node that runs on them. It needs a CPU with AVX2.
#   VK_ICD_FILENAMES=FOLDER/lvp_icd.json FOLDER/node PROGRAM
# Default FOLDER with --matrices: lllite/lavapipe-matrices in the user's cache.
# If it cannot be fetched, exits 1 with the reason.
set -euo pipefail

matrices=false
if [[ "${1:-}" == --matrices ]]; then
  matrices=true
  shift
fi
cache=${XDG_CACHE_HOME:-$HOME/.cache}/lllite

fail() {
  echo "lavapipe cannot be fetched: $*" >&2
  exit 1
}

[[ "${1:-}" != -* ]] || fail "$1 is not an option; the only one is --matrices"
if $matrices; then folder=${1:-$cache/lavapipe-matrices}; else folder=${1:-$cache/lavapipe}; fi
if [[ -e "$folder/lvp_icd.json" ]]; then
  echo "$folder/lvp_icd.json"
  exit
fi
command -v apt-get > /dev/null || fail "there is no apt-get to fetch mesa-vulkan-drivers"
. /etc/os-release
[[ "$ID" == debian ]] || fail "this is $ID, expected Debian"
mkdir -p "$folder" || fail "$folder cannot be written"
folder=$(cd "$folder" && pwd)
work=$(mktemp -d "$folder/new.XXXXXX")
trap 'rm -rf "$work"' EXIT

# The oldest release of mesa that works, and the release of Debian with its packages. WebGPU needs features of mesa 25.
# Subgroup matrices need mesa 26.
if $matrices; then
  release=26 suite=trixie
  grep -q -w avx2 /proc/cpuinfo || fail "this CPU has no AVX2, which subgroup matrices need"
else
  release=25 suite=$VERSION_CODENAME
fi

# Separate sources, lists and archives. The system's do not change, and root is not needed.
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
apt get update >&2 || fail "the package lists of $mirror cannot be fetched"

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
  (cd "$work/archives" && apt get download "mesa-vulkan-drivers=$version" >&2) || fail "its package cannot be fetched"
  unpack
  take libvulkan_lvp.so
  [[ -n "$(missing)" ]] || return 0
  with_all_it_needs || true
  unpack
  # A fetched library may need further ones.
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
  with_all_it_needs libvulkan1 libstdc++6 patchelf || fail "its packages cannot be fetched"
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
# The description is written last. If it exists, everything exists.
mv "$work/lvp_icd.json" "$folder"
echo "$folder/lvp_icd.json"
