#!/usr/bin/env bash
# Brings lavapipe, mesa's Vulkan driver for CPUs, without installing it, and prints the path of its description, which
# VK_ICD_FILENAMES takes:
#   scripts/lavapipe.sh [FOLDER]
# Debian only. Default FOLDER: lllite/lavapipe in the user's cache, where tests look for it; what is there already
# is not fetched again. Libraries that the driver needs and this system lacks come into FOLDER/lib, for LD_LIBRARY_PATH.
# Exits 1, saying why, where it cannot be had.
set -euo pipefail

# WebGPU wants features that mesa has from this release on.
release=25
folder=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/lllite/lavapipe}

fail() {
  echo "lavapipe cannot be had: $*" >&2
  exit 1
}

if [[ -e "$folder/lvp_icd.json" ]]; then
  echo "$folder/lvp_icd.json"
  exit
fi
command -v apt-get > /dev/null || fail "there is no apt-get to take mesa-vulkan-drivers from"
. /etc/os-release
[[ "$ID" == debian ]] || fail "this is $ID, and only Debian's packages are known to fit"
mkdir -p "$folder" || fail "$folder cannot be written"
work=$(mktemp -d "$folder/new.XXXXXX")
trap 'rm -rf "$work"' EXIT

# Sources, lists and archives of our own: the system's stay as they are, and root is not needed.
mirror=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' |
  awk -v release="$VERSION_CODENAME" '$2 == release { print $1; exit }')
[[ -n "$mirror" ]] || fail "no source of $VERSION_CODENAME is configured"
for suite in "$VERSION_CODENAME" "$VERSION_CODENAME-backports"; do
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main"
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
  fail "the newest mesa-vulkan-drivers of $VERSION_CODENAME is ${version:-none}, expected $release or newer"
(cd "$work/archives" && apt get download "mesa-vulkan-drivers=$version" >&2) || fail "its package cannot be had"
unpack() { for package in "$work"/archives/*.deb; do dpkg-deb --extract "$package" "$work/root"; done; }
take() { find "$work/root" -name "$1" -exec cp --dereference {} "$work/lib/$1" \; -quit; }
missing() { LD_LIBRARY_PATH="$work/lib" ldd "$work/lib/libvulkan_lvp.so" | awk '/not found/ { print $1 }' | sort -u; }
unpack
take libvulkan_lvp.so
if [[ -n "$(missing)" ]]; then
  # Of everything that it depends on, what is not found here.
  apt get install --yes --download-only --no-install-recommends \
    --target-release "$VERSION_CODENAME-backports" "mesa-vulkan-drivers=$version" >&2 || true
  unpack
  # What was missing may miss others in turn.
  for _ in 1 2 3; do
    for library in $(missing); do take "$library"; done
  done
  [[ -z "$(missing)" ]] || fail "it needs" $(missing)
fi
description=$(find "$work/root/usr/share/vulkan/icd.d" -name 'lvp_icd*.json' | head -n 1)
[[ -n "$description" ]] || fail "mesa-vulkan-drivers $version has no description of it"
sed -E "s|(\"library_path\": *\").*\"|\1$folder/lib/libvulkan_lvp.so\"|" "$description" > "$work/lvp_icd.json"
# The description comes last: where it is, everything is.
rm -rf "$folder/lib"
mv "$work/lib" "$work/lvp_icd.json" "$folder"
echo "$folder/lvp_icd.json"
