"""A statement that is compiled once does what its queryset does."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db.models import F

from ris.models import Patient
from ris.prepared import Prepared, PreparedUpdate
from tests.support.hospital import a_site

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]

_renamed = PreparedUpdate(
    lambda pk: Patient.objects.filter(pk=pk, name__in=("DOE^Jane", "ROE^Jane")),
    "pk",
    columns=("name", "birth_date", "allergies", "created_at"),
    version=F("version") + 1,
)
_named = Prepared(lambda name: Patient.objects.filter(name=name).select_related("site"), "name")
AT = datetime(2026, 11, 23, 8, 0, 0, 125, tzinfo=UTC)


def a_patient(name: str) -> Patient:
    return Patient.objects.create(site=a_site(), name=name, created_at=AT)


def test_columns_are_set_where_the_guard_lets_them() -> None:
    one, other = a_patient("DOE^Jane"), a_patient("DOE^John")
    values = {"name": "NEW^Näme", "birth_date": date(1961, 2, 3), "allergies": ["Latex"], "created_at": AT + timedelta(1)}
    assert (_renamed(one.pk, **values), _renamed(other.pk, **values), _renamed(0, **values)) == (1, 0, 0)
    now = Patient.objects.get(pk=one.pk)
    assert {name: getattr(now, name) for name in values} == values
    assert now.version == one.version + 1
    assert _renamed(one.pk, **values | {"birth_date": None}) == 0


def test_rows_are_instances_with_what_belongs_to_them() -> None:
    one = a_patient("DOE^Jane")
    (found,) = _named("DOE^Jane")
    assert (found, found.site.code, found.created_at) == (one, one.site.code, one.created_at)
    assert _named("NOBODY") == []
    assert _named.first("NOBODY") is None


def test_a_name_for_two_things_is_refused() -> None:
    update = PreparedUpdate(lambda name: Patient.objects.filter(name=name), "name", columns=("name",))
    with pytest.raises(TypeError):
        update("DOE^Jane", name="ROE^Jane")
