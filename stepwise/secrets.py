"""The signing key, made once and kept in the data directory when the environment gives none."""

import os
import secrets
from pathlib import Path


def secret_key(data_dir: Path) -> str:
    """Return the key kept in `data_dir/secret_key`, made at first use with mode 0600.

    Two processes that start at once agree: the file is linked into place whole, and the first one wins.
    Raises OSError when the data directory can be neither made nor written.
    """
    path = data_dir / "secret_key"
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        draft = data_dir / f".secret_key.{os.getpid()}"
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(48), encoding="ascii")
        try:
            os.link(draft, path)
        except FileExistsError:
            draft.unlink()
            return path.read_text(encoding="ascii")
        draft.unlink()
    return path.read_text(encoding="ascii")
