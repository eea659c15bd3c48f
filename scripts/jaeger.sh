#!/usr/bin/env bash
# Prints the path of a Jaeger all-in-one binary, building it once with Go from tools/jaeger (a few minutes), or with --cached
# only if it is there already. JAEGER_BIN names another binary instead. Where there is no Go it says so and prints nothing:
# the tests that read traces back are then skipped.
set -euo pipefail
. "$(dirname "$0")/common.sh"

if [[ -n ${JAEGER_BIN:-} ]]; then
	[[ -x $JAEGER_BIN ]] || fail "JAEGER_BIN is $JAEGER_BIN, which is no executable file" \
		"Set it to a Jaeger all-in-one binary, or unset it to have the pinned one built."
	echo "$JAEGER_BIN"
	exit 0
fi

module=$root/tools/jaeger
version=$(sed -n 's|.*github.com/jaegertracing/jaeger v\([0-9.]*\).*|\1|p' "$module/go.mod")
binary=$cache/jaeger-$version

if [[ ! -x $binary ]]; then
	if [[ ${1:-} == --cached ]]; then exit 0; fi
	# Tool directives in go.mod came with Go 1.24.
	if ! command -v go >/dev/null || [[ $(go env GOVERSION | sed 's/^go1\.\([0-9]*\).*/\1/') -lt 24 ]]; then
		say "Jaeger was skipped: building it needs Go 1.24 or later, which is not installed. JAEGER_BIN can name a Jaeger all-in-one binary."
		exit 0
	fi
	locked jaeger
	if [[ ! -x $binary ]]; then
		work=$(mktemp -d "$cache/jaeger-build.XXXXXX")
		trap 'rm -rf "$work"' EXIT
		watch "Building Jaeger $version with Go, a few minutes the first time" "$cache/jaeger-build.log" \
			go build -C "$module" -trimpath -ldflags "-s -w" -o "$work/jaeger" github.com/jaegertracing/jaeger/cmd/all-in-one ||
			fail "Jaeger did not build" "Check that Go reaches its module proxy, or set JAEGER_BIN."
		mv -f "$work/jaeger" "$binary"
	fi
fi
echo "$binary"
