#!/bin/sh
# Makes or brings up to date the virtual environment of the product: scripts/environment.sh VENV REQUIREMENTS [PYTHON]
# Needs a POSIX shell and Python 3.11 or newer with venv and pip. Does nothing when nothing has changed since the last time.
set -eu

venv=$1
requirements=$2
asked_for=${3:-}
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }
has_venv() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }
version() { "$1" -c 'import sys; print(sys.version.split()[0])' 2>/dev/null || echo 'cannot be run'; }

# The newest Python for which every requirement is a ready-made package comes first.
find_python() {
    too_old= without_venv=
    for candidate in ${asked_for:-python3.12 python3.11 python3 python3.13 python3.14 python}; do
        command -v "$candidate" >/dev/null 2>&1 || continue
        if ! new_enough "$candidate"; then
            too_old="${too_old:+$too_old, }$candidate is $(version "$candidate")"
        elif ! has_venv "$candidate"; then
            without_venv=$candidate
        else
            python=$candidate
            return
        fi
    done
    if [ -n "$without_venv" ]; then
        fail "$without_venv has no venv or no pip: install them (on Debian and Ubuntu the package python3-venv), then run make again."
    fi
    fail "Stepwise needs Python 3.11 or newer (${too_old:-no Python was found}): install one, or say where it is with make run PYTHON=/path/to/python3.12"
}

if ! new_enough "$venv/bin/python" || { [ -n "$asked_for" ] && [ "$(version "$asked_for")" != "$(version "$venv/bin/python")" ]; }; then
    find_python
    say "Building $venv with $python ($(version "$python")) …"
    "$python" -m venv --clear "$venv" || fail "$python could not build $venv; the lines above say why."
fi

# What was installed last, as a checksum of what says so.
wanted="$(cat requirements.txt "$requirements" constraints.txt | cksum) $(version "$venv/bin/python")"
stamp=$venv/.installed-$(basename "$requirements" .txt)
if [ "$(cat "$stamp" 2>/dev/null || true)" = "$wanted" ]; then
    exit 0
fi
say "Installing $requirements into $venv (the first time takes a minute or two) …"
"$venv/bin/python" -m pip install -qq --disable-pip-version-check --no-input -r "$requirements" -c constraints.txt ||
    fail "The packages of $requirements could not be installed; the lines above say why."
printf '%s\n' "$wanted" >"$stamp"
