"""What must not be said: the signing key, made once and kept in the data directory when none is given; passwords in addresses."""

import os
import re
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from stepwise.data_directory import prepare


class Url(str):
    """An address that may hold a password: who prints the settings (`celery report`, a debugger) sees it without."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(re.sub(r"//[^/]*@", "//…@", str(self)))


def secret_key(data_dir: Path) -> str:
    """Return the key kept in `data_dir/secret_key`, made at first use with mode 0600.

    Two processes that start at once agree: the file is linked into place whole, and the first one wins.
    Raises ImproperlyConfigured when the key can be neither read nor made.
    """
    path = data_dir / "secret_key"
    try:
        return path.read_text(encoding="ascii")
    except (FileNotFoundError, NotADirectoryError):
        prepare(data_dir)
    except OSError as error:
        raise ImproperlyConfigured(f"{path} cannot be read ({error.strerror}); set RIS_DATA_DIR to a directory of this user.") from error
    draft = data_dir / f".secret_key.{os.getpid()}"
    draft.touch(mode=0o600)
    draft.write_text(secrets.token_urlsafe(48), encoding="ascii")
    try:
        os.link(draft, path)
    except FileExistsError:
        return path.read_text(encoding="ascii")
    finally:
        draft.unlink()
    return path.read_text(encoding="ascii")
