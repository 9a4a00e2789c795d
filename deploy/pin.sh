#!/bin/sh
# Pins the images of compose.yaml and the Dockerfile to the current digests of their tags:
#
#   ./pin.sh
#
# Needs docker with buildx, and access to the registries. Run it again to update the digests.
set -eu
cd "$(dirname "$0")"

pinned() { # image without digest -> the same with the digest of all its platforms
    digest=$(docker buildx imagetools inspect "$1" --format '{{.Manifest.Digest}}')
    case $digest in
        sha256:*) echo "$1@$digest" ;;
        *) echo "pin.sh: $1: no digest but: $digest" >&2; exit 1 ;;
    esac
}

edits=$(mktemp)
trap 'rm -f "$edits"' EXIT
# All digests are queried before any file is changed.
for image in $(sed -n 's/^ *image: \([^"@]*\).*/\1/p' compose.yaml); do
    with=$(pinned "$image")
    printf '%s\n' "s|^\( *image:\) $image\(@.*\)*\$|\1 $with|" >> "$edits"
done
python=$(sed -n 's/^ARG PYTHON=\([^@]*\).*/\1/p' Dockerfile)
with=$(pinned "python:$python")
printf '%s\n' "s|^ARG PYTHON=.*|ARG PYTHON=${with#python:}|" >> "$edits"
for file in compose.yaml Dockerfile; do
    sed -f "$edits" "$file" > "$file.new"
    cat "$file.new" > "$file"
    rm "$file.new"
done
