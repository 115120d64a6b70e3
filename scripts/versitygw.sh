#!/usr/bin/env bash
# Builds versitygw, a server with the API of S3 over a folder, for tests of stores. It goes to the user's cache, and takes
# two minutes of two cores and a toolchain of Go. Prints its path.
set -euo pipefail
version=v1.8.0
folder="${XDG_CACHE_HOME:-$HOME/.cache}/lllite/versitygw"
if [[ ! -x "$folder/versitygw" ]]; then
  command -v go > /dev/null || { echo "there is no Go to build versitygw" >&2; exit 1; }
  mkdir -p "$folder"
  GOBIN="$folder" go install "github.com/versity/versitygw/cmd/versitygw@$version" >&2
fi
echo "$folder/versitygw"
