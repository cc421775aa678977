"""The data directory: everything that the product keeps on disk."""

import logging
import os
import stat
import tempfile
from pathlib import Path
from typing import Final

from django.core.exceptions import ImproperlyConfigured

log = logging.getLogger(__name__)
"""Not structlog's: the settings ask for the directory before that is told whereto."""
_OF_ONE: Final = 0o700
_OF_OTHERS: Final = 0o077


def prepare(data_dir: Path) -> None:
    """Make the directory if need be, of this user alone, and see that files can be written there. Raises ImproperlyConfigured."""
    try:
        data_dir.mkdir(mode=_OF_ONE, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=data_dir):
            pass
    except OSError as error:
        raise ImproperlyConfigured(
            f"The data directory {data_dir} cannot be written ({error.strerror}); set RIS_DATA_DIR to a directory that can."
        ) from error
    _close_to_others(data_dir)


def _close_to_others(data_dir: Path) -> None:
    """Its files hold patients and are made with the umask of whoever starts; nobody gets at them through a directory that is closed.

    Neither a shared directory, where others keep their own (/tmp), nor one of another user is ours to close.
    """
    found = data_dir.stat()
    if not found.st_mode & _OF_OTHERS:
        return
    if found.st_uid == os.geteuid() and not found.st_mode & stat.S_ISVTX:
        try:
            data_dir.chmod(_OF_ONE)
        except OSError as error:
            log.warning("other accounts of this machine may read the data directory, which cannot be closed (%s)", error.strerror)
        return
    log.warning("other accounts of this machine may read the data directory, which is another user's or shared: close it (chmod 700)")
