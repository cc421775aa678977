"""What `make` says on a machine that has not what it takes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import ROOT


def _environment(venv: Path, python: Path | str = "", **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ROOT / "scripts" / "environment.sh"), str(venv), "requirements.txt", str(python)],
        env=os.environ | env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _program(path: Path, script: str) -> Path:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def _old_python(path: Path) -> Path:
    return _program(path, 'case "$2" in *print*) echo 3.9.2 ;; *) exit 1 ;; esac')


def test_a_python_that_is_too_old_is_one_sentence(tmp_path: Path) -> None:
    done = _environment(tmp_path / "venv", _old_python(tmp_path / "oldpython"))
    assert done.returncode != 0
    assert done.stderr.startswith(f"Stepwise needs Python 3.11 or newer ({tmp_path}/oldpython is 3.9.2): install one")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "venv").exists()


def test_no_python_at_all_is_one_sentence(tmp_path: Path) -> None:
    done = _environment(tmp_path / "venv", tmp_path / "absent")
    assert done.returncode != 0
    assert done.stderr.startswith("Stepwise needs Python 3.11 or newer (no Python was found)")


def test_a_python_without_venv_says_what_to_install(tmp_path: Path) -> None:
    bare = _program(tmp_path / "barepython", 'case "$2" in *ensurepip*) exit 1 ;; *) exec ' + sys.executable + ' "$@" ;; esac')
    done = _environment(tmp_path / "venv", bare)
    assert done.returncode != 0
    assert "has no venv or no pip: install them (on Debian and Ubuntu the package python3-venv)" in done.stderr


def test_the_first_python_that_will_do_is_taken(tmp_path: Path) -> None:
    """An old python3.12 on PATH (a broken shim, say) is passed over."""
    _old_python(tmp_path / "python3.12")
    without_pip = 'case "$2" in venv) shift 2; set -- -m venv --without-pip "$@" ;; esac'  # which is quick to build, and fails soon
    _program(tmp_path / "python3.11", f'{without_pip}\nexec {sys.executable} "$@"')
    failing_pip = _environment(tmp_path / "venv", PATH=f"{tmp_path}:/usr/bin:/bin", PIP_NO_INDEX="1", PIP_FIND_LINKS=str(tmp_path))
    assert "with python3.11" in failing_pip.stderr
    assert "The packages of requirements.txt could not be installed; the lines above say why." in failing_pip.stderr


def test_manage_py_says_that_python_is_too_old(tmp_path: Path) -> None:
    old = (
        "import collections, runpy, sys\n"
        "sys.version_info, sys.version, sys.argv = (3, 9, 2), '3.9.2 (an old one)', ['manage.py', 'simulate']\n"
        f"runpy.run_path({str(ROOT / 'manage.py')!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", old], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert done.stderr == "Stepwise needs Python 3.11 or newer, this is 3.9.2. `make run` finds one that will do.\n"


@pytest.mark.parametrize("target", ["run", "test", "test-all", "lint", "audit"])
def test_help_lists_every_target(target: str) -> None:
    shown = subprocess.run(["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert f"  make {target} " in shown
