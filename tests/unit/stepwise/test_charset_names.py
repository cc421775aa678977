"""Requests that name a charset in which no text is written, as gunicorn hands them over."""

from io import BytesIO
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from django.test.client import ClientHandler

from stepwise.charset_names import without_odd_charsets

FORM = "application/x-www-form-urlencoded"


@pytest.mark.django_db
@pytest.mark.parametrize("charset", ["hex", '"hex"', "undefined", "rot13", "no-charset", ""])
def test_a_charset_that_is_none_of_texts_is_passed_over_as_one_that_nobody_knows(charset: str) -> None:
    body = b"username=a"
    environ: dict[str, Any] = {"REQUEST_METHOD": "POST", "PATH_INFO": "/sign-in/", "QUERY_STRING": "q=1", "HTTP_HOST": "localhost"}
    environ |= {"CONTENT_TYPE": f"{FORM}; charset={charset}", "CONTENT_LENGTH": str(len(body)), "wsgi.input": BytesIO(body)}
    environ["REMOTE_ADDR"] = "127.0.0.1"
    setup_testing_defaults(environ)
    django: Any = ClientHandler(enforce_csrf_checks=True)
    asked: Any = without_odd_charsets(lambda environ, _: [django(environ)])

    (answer,) = asked(environ, None)

    assert answer.status_code == 403  # a form without its token
    assert answer.has_header("Content-Security-Policy")


@pytest.mark.parametrize("said", [FORM, f"{FORM}; charset=utf-8", f"{FORM}; charset=latin-1", "multipart/form-data; boundary=hex", ""])
def test_what_is_of_texts_is_left_as_it_is(said: str) -> None:
    seen: list[str] = []

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.append(environ["CONTENT_TYPE"])
        return []

    without_odd_charsets(application)({"CONTENT_TYPE": said}, lambda *_: None)
    assert seen == [said]
