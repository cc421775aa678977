"""Character sets of HL7 messages (MSH-18, table 0211)."""

CODECS = {"": "utf-8", "ASCII": "ascii", "UNICODE UTF-8": "utf-8"} | {f"8859/{part}": f"iso8859_{part}" for part in (*range(1, 10), 15)}
"""By what MSH-18 declares. Without it the text is ASCII, of which UTF-8 is a superset."""


def declared(data: bytes) -> str:
    """MSH-18 of a message, its first repetition; empty when it has none."""
    header = data.split(b"\r", 1)[0].decode("latin-1")
    fields = header.split(header[3:4]) if len(header) > 3 else []
    return fields[17].split(header[5:6] or "~")[0] if len(fields) > 17 else ""


def decoded_anyhow(data: bytes) -> str:
    """The text by MSH-18, else as UTF-8, else as Latin-1, which any bytes are: for what must be read whatever its letters are."""
    for codec in (CODECS.get(declared(data), "utf-8"), "utf-8"):
        try:
            return data.decode(codec)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")
