#!/bin/sh
# Looks for known vulnerabilities in the pinned packages, those of the product and those of its tests: scripts/audit.sh DIRECTORY_OF_PIP_AUDIT
# OSV_URL asks a mirror of OSV's query (https://google.github.io/osv.dev/post-v1-query/) instead of PyPI, NPM_REGISTRY another registry of npm.
# Both are always asked. Fails for what is known and for what could not be asked for; the last lines say which.
set -u
cd "$(dirname "$0")/.."

said=$(mktemp)
trap 'rm -f "$said"' EXIT
wrong=

say() { printf '%s\n' "$*" >&2; }

# What a question failed of, by what is in $said. Of any 404 in place of PyPI pip-audit says that the first package is not known there.
reason() {
    if grep -q 'Dependency not found on PyPI' "$said"; then
        echo "the service did not answer as PyPI does; look whether this machine reaches it, or name a mirror of OSV in OSV_URL."
    else
        grep -v '^npm error A complete log' "$said" | tail -n 1
    fi
}

# judge WHAT FOUND STATUS: what became of a question whose errors are in $said. FOUND is in what is said when something is known.
judge() {
    if [ "$3" -ne 0 ] && ! grep -q "$2" "$said"; then
        wrong="${wrong}Vulnerabilities of $1 could not be asked for: $(reason)
"
    elif [ "$3" -ne 0 ]; then
        wrong="${wrong}Vulnerabilities of $1 are known; they are listed above.
"
        grep "$2" "$said" >&2
    fi
}

"$1/pip-audit" --strict --requirement constraints.txt --no-deps --disable-pip --progress-spinner off \
    ${OSV_URL:+--vulnerability-service osv --osv-url "$OSV_URL"} 2>"$said"
judge "Python packages (constraints.txt)" '^Found [0-9]' $?

(cd tests/foreign && npm audit ${NPM_REGISTRY:+--registry "$NPM_REGISTRY"} 2>&1) >"$said"
status=$?
if [ "$status" -eq 0 ] || grep -q 'vulnerabilit' "$said"; then cat "$said"; fi
judge "npm packages (tests/foreign)" 'vulnerabilit' "$status"

if [ -n "$wrong" ]; then
    say ""
    printf '%s' "$wrong" >&2
    exit 1
fi
say "No known vulnerabilities in any pinned package."
