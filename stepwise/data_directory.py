"""The data directory: everything that the product keeps on disk."""

import tempfile
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def prepare(data_dir: Path) -> None:
    """Make the directory if need be and see that files can be written there. Raises ImproperlyConfigured."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=data_dir):
            pass
    except OSError as error:
        raise ImproperlyConfigured(
            f"The data directory {data_dir} cannot be written ({error.strerror}); set RIS_DATA_DIR to a directory that can."
        ) from error
