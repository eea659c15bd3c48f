#!/usr/bin/env bash
# Installs the npm packages, Node 24 among them, exactly as package-lock.json has them. Any recent npm will do.
# Does nothing when they are installed: npm writes node_modules/.package-lock.json as its last step.
set -euo pipefail
. "$(dirname "$0")/common.sh"

installed() { [[ node_modules/.package-lock.json -nt package-lock.json && -x node_modules/.bin/node ]]; }

cd "$root"
if installed; then exit 0; fi
command -v npm >/dev/null || fail "npm is not installed" \
	"Install Node.js 20 or later with npm (Debian: apt-get install nodejs npm); the Node 24 that runs Firebreak comes with the packages."
locked install
if installed; then exit 0; fi
watch "Installing the npm packages" "$cache/npm-ci.log" npm ci --loglevel=error --no-audit --no-fund
touch node_modules/.package-lock.json
[[ -x node_modules/.bin/node ]] || fail "Node 24 is not packaged for $(uname -sm)" \
	"Linux on x64 or arm64 is needed; elsewhere put a Node 24 at node_modules/.bin/node."
