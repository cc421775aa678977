#!/bin/sh
# Installs the foreign DICOM client that some tests send with (tests/foreign, for Node), pinned by its lock file, when it is not there yet.
# Without Node and npm nothing is done, unless RIS_TEST_REQUIRE names node.
set -eu
cd "$(dirname "$0")/../tests/foreign"

is_required() { case ",${RIS_TEST_REQUIRE:-}," in *,node,*) true ;; *) false ;; esac; }
give_up() {
    printf '%s\n' "$1" >&2
    if is_required; then exit 1; fi
    exit 0
}

cmp -s package-lock.json node_modules/.installed && exit 0
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    is_required || exit 0
    give_up "RIS_TEST_REQUIRE asks for node: install Node 18 or newer with npm (on Debian and Ubuntu the packages nodejs and npm)."
fi
npm ci --prefer-offline --no-progress --loglevel=error >&2 || give_up "The foreign DICOM client cannot be installed; tests that send with it are skipped."
cp package-lock.json node_modules/.installed
