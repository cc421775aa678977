"""The conformance statement says what the table says that the code goes by."""

import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from mpps import conformance as performed
from worklist import conformance, keys
from worklist.matching import SERVED


def test_the_file_is_what_the_tables_say() -> None:
    document = conformance.FILE.read_text()
    assert performed.put_into(conformance.put_into(document)) == document, "write it by `manage.py conformance`"


def test_every_key_stands_in_it_with_its_return_type() -> None:
    lines = conformance.text().splitlines()
    for row in keys.rows():
        if row.is_key:
            cells = f" | ({row.tag[:4]},{row.tag[4:]}) | {row.vr} | "
            assert [line for line in lines if row.keyword in line and cells in line], row.path
    assert ", ".join(SERVED) in conformance.text()


def test_the_command_writes_the_part_between_the_marks_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "conformance.md"
    marked = "before\n{0.BEGIN}\n{1}\n{0.END}\nbetween\n{2.BEGIN}\n{3}\n{2.END}\nafter\n".format
    file.write_text(marked(conformance, "of old", performed, "of old"))
    monkeypatch.setattr(conformance, "FILE", file)
    with pytest.raises(SystemExit):
        call_command("conformance", "--check", stderr=io.StringIO())
    assert "of old" in file.read_text()
    call_command("conformance", stdout=io.StringIO())
    assert file.read_text() == marked(conformance, conformance.text(), performed, performed.text())
    call_command("conformance", "--check", stdout=io.StringIO())


def test_a_file_without_marks_is_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "conformance.md"
    file.write_text("something else\n")
    monkeypatch.setattr(conformance, "FILE", file)
    with pytest.raises(CommandError, match="must stand in the file"):
        call_command("conformance")
    assert file.read_text() == "something else\n"
