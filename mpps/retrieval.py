"""What an N-GET is answered (PS3.4 F.8): which of the attributes asked for come back, and the status that tells of the others.

The table is PS3.4 Table F.8.2-1 as data (`retrieve_attributes.csv`; `scu` and `scp` are the types of both sides, `-` may not be asked for).
Attributes of an N-CREATE that it does not list are optional here; whatever else the modality sent comes back as well.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from dimse import statuses, uids
from mpps import attributes, datasets
from mpps.datasets import Json
from mpps.errors import invalid_instance, not_authorized, unknown_instance, wrong_class
from mpps.models import PerformedProcedureStep, PerformedSeries, StepLink
from ris import profiles
from ris.models import RequestedProcedure, Site
from ris.profiles import Profile

_TABLE = Path(__file__).with_name("retrieve_attributes.csv")
_CHARACTER_SET = datasets.tag("SpecificCharacterSet")


@dataclass(frozen=True)
class Row:
    """One row: an attribute by its path of keywords, and its type for who asks and for who answers."""

    path: str
    tag: str
    vr: str
    scu: str
    scp: str
    source: str


@dataclass(frozen=True)
class Retrieved:
    """`attributes` without a character set, which is for the answer's text to need. `left_out` are the tags that `status` is about.

    0001H: they are optional, and the modality did not send them. 0107H: no such attribute can be asked for, or one that must have a
    value was never sent.
    """

    status: int
    attributes: Json
    left_out: tuple[int, ...]
    profile: Profile


@cache
def rows() -> tuple[Row, ...]:
    """All rows, in the order of the table."""
    with _TABLE.open(encoding="ascii", newline="") as file:
        return tuple(Row(**line) for line in csv.DictReader(file))


@cache
def _by_parent() -> Mapping[str, Mapping[str, Row]]:
    found: dict[str, dict[str, Row]] = defaultdict(dict)
    for row in rows():
        found[row.path.rpartition(".")[0]][row.tag] = row
    return MappingProxyType(found)


@cache
def _optional() -> frozenset[str]:
    """Tags of root attributes that a step may do without."""
    others = {row.tag for row in attributes.rows_in() if row.tag not in _by_parent()[""]}
    return frozenset(others | {row.tag for row in _by_parent()[""].values() if row.scp == "3"})


def retrieve(site: Site, sop_instance_uid: str, asked: Sequence[int], calling_ae_title: str) -> Retrieved:
    """The attributes of a performed step with these tags, of all of them when none is named. Raises Refused: 0112H, 0117H, 0119H, 0124H."""
    if "\0" in sop_instance_uid:  # no query can name it
        raise invalid_instance("it holds a NUL")
    performed = PerformedProcedureStep.objects.filter(site=site, sop_instance_uid=sop_instance_uid).first()
    profile = profiles.whose(site, calling_ae_title)
    if performed is None:
        raise not_there(site, sop_instance_uid)
    titles = {performed.station_ae_title.strip(), performed.calling_ae_title}
    is_own = performed.station_id is not None and performed.station_id == profile.station_id
    if profile.own_list_only and not is_own and titles.isdisjoint(profile.lists):
        raise not_authorized(f"{profile.ae_title} may see its own exams only")
    return select(performed.attributes, asked, profile)


def not_there(site: Site, uid: str) -> Exception:
    """Why no performed step has this UID: it breaks the rules, is something else that is known here, or is not known at all."""
    if problem := uids.problem_with(uid):
        return invalid_instance(problem)
    if RequestedProcedure.objects.filter(site=site, study_instance_uid=uid).exists():
        return wrong_class("a study")
    if StepLink.objects.filter(performed_step__site=site, study_instance_uid=uid).exists():
        return wrong_class("a study")
    if PerformedSeries.objects.filter(performed_step__site=site, series_instance_uid=uid).exists():
        return wrong_class("a series")
    return unknown_instance()


def select(stored: Json, asked: Sequence[int], profile: Profile = profiles.NOBODY) -> Retrieved:
    """Of the stored data set what is asked for: with a value, or empty where type 2 has none; top-level attributes only (PS3.4 F.8.2.1)."""
    whole = _completed(stored)
    whole.pop(_CHARACTER_SET, None)
    wanted = [f"{tag:08X}" for tag in dict.fromkeys(asked)]
    if not wanted:
        return Retrieved(statuses.SUCCESS, whole, (), profile)
    found = {key: whole[key] for key in sorted(wanted) if key in whole}
    missing = [key for key in wanted if key not in whole and key != _CHARACTER_SET]
    unknown = [key for key in missing if key not in _optional()]
    if unknown:
        return Retrieved(statuses.ATTRIBUTE_LIST_ERROR, found, _tags(unknown), profile)
    status = statuses.OPTIONAL_ATTRIBUTES_NOT_SUPPORTED if missing else statuses.SUCCESS
    return Retrieved(status, found, _tags(missing), profile)


def _completed(dataset: Json, parent: str = "") -> Json:
    """The data set, and where the table wants an attribute of type 2 that was not sent, that one without a value."""
    known = _by_parent().get(parent, {})
    completed: Json = {row.tag: {"vr": row.vr} for row in known.values() if row.scp == "2"} | dataset
    for tag, row in known.items():
        element = completed.get(tag, {})
        if row.path in _by_parent() and element.get("vr") == "SQ" and element.get("Value"):
            completed[tag] = element | {"Value": [_completed(item, row.path) for item in element["Value"]]}
    return dict(sorted(completed.items()))


def _tags(keys: Iterable[str]) -> tuple[int, ...]:
    return tuple(int(key, 16) for key in keys)
