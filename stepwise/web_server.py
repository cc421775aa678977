"""What gunicorn is told besides its command line."""

import sys

from gunicorn.glogging import Logger

from dimse.dispatch import without_values

_BAD_REQUEST = "Invalid request from ip="


class WebServerLog(Logger):
    """gunicorn's own lines: no address, no line of a request, no message of an exception."""

    def exception(self, msg: object, *args: object, **kwargs: object) -> None:
        error = sys.exc_info()[1]
        told = str(msg).split("%s")[0].strip() if isinstance(msg, str) else type(msg).__name__
        super().error("%s: %s", told, without_values(error) if error else "")

    def warning(self, msg: object, *args: object, **kwargs: object) -> None:
        error = sys.exc_info()[1]
        if isinstance(msg, str) and msg.startswith(_BAD_REQUEST) and error:
            msg = f"{msg.partition(': ')[0]}: {type(error).__name__}"
        super().warning(msg, *args, **kwargs)
