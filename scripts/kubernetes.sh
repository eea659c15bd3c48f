#!/usr/bin/env bash
# Prints the folder with the published schemas of Kubernetes resources (Istio, Envoy Gateway, Gateway API), taken once from the
# Go modules that tools/kubernetes pins, or with --cached only if they are there already. Where there is no Go, or an older one
# than those modules ask for, it says so and prints nothing: the tests that need the schemas are then skipped.
set -euo pipefail
. "$(dirname "$0")/common.sh"

module=$root/tools/kubernetes
version() { sed -n "s|^\s*$1 v\([0-9.]*\)\$|\1|p" "$module/go.mod"; }
istio=$(version istio.io/api)
gateway=$(version github.com/envoyproxy/gateway)
api=$(version sigs.k8s.io/gateway-api)
schemas=$cache/kubernetes-$istio-$gateway-$api

# take MODULE VERSION PATH...: copies files and folders of a module, whose checksum go.sum holds, into the folder that is being made.
take() {
	local path=$1 version=$2 folder name
	shift 2
	folder=$(go mod download -C "$module" -json "$path@v$version" | sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p')
	[[ -n $folder ]] || return 1
	for name in "$@"; do
		mkdir -p "$work/$(dirname "$name")"
		cp -R "$folder/$name" "$work/$name"
	done
}

take_all() {
	take istio.io/api "$istio" kubernetes/customresourcedefinitions.gen.yaml \
		mesh/v1alpha1/{config,network,proxy}.proto networking/v1alpha3/{destination_rule,virtual_service,workload_group,workload_entry}.proto \
		networking/v1beta1/proxy_config.proto type/v1beta1/selector.proto &&
		take github.com/envoyproxy/gateway "$gateway" charts/gateway-crds-helm/templates/generated &&
		take sigs.k8s.io/gateway-api "$api" config/crd/experimental
}

if [[ ! -d $schemas ]]; then
	if [[ ${1:-} == --cached ]]; then exit 0; fi
	needed=$(sed -n 's/^go //p' "$module/go.mod")
	if ! command -v go >/dev/null || [[ $(printf '%s\n' "$needed" "$(go env GOVERSION | sed 's/^go//')" | sort -V | head -n 1) != "$needed" ]]; then
		say "The schemas of Kubernetes resources were skipped: fetching them needs Go $needed or later, which is not installed."
		exit 0
	fi
	locked kubernetes
	if [[ ! -d $schemas ]]; then
		work=$(mktemp -d "$cache/kubernetes-fetch.XXXXXX")
		trap 'rm -rf "$work"' EXIT
		watch "Fetching the schemas of Kubernetes resources with Go" "$cache/kubernetes-fetch.log" take_all ||
			fail "the schemas could not be fetched" "Check that Go reaches its module proxy."
		chmod -R u+w "$work"
		mv -T "$work" "$schemas"
	fi
fi
echo "$schemas"
