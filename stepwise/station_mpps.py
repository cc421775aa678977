"""What was odd about the N-CREATEs and N-SETs of a station, and which were refused, each with the rule and what to tell the vendor."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Min, Q, QuerySet

from dimse.services import Verb
from dimse.statuses import DONE, name_of
from mpps import checking, finding_rules
from mpps.models import Finding, MppsMessage, PerformedProcedureStep
from ris import titles
from ris.models import Site
from ris.titles import any_of
from stepwise.connecting import words


@dataclass(frozen=True)
class Told:
    """`performed` is None for what was refused, of which nothing but the message is kept, with the `status` of the answer; `times` is how
    often it was since `first`."""

    at: datetime
    first: datetime
    code: str
    text: str
    look: str
    attribute: str = ""
    paragraph: str = ""
    tell: str = ""
    performed: PerformedProcedureStep | None = None
    times: int = 1
    status: int | None = None


def odd(site: Site, ae_title: str) -> QuerySet[Finding]:
    """The findings about the performed steps of a station, the latest first."""
    called = any_of(titles.on_its_clock(site, ae_title), "performed_step__calling_ae_title", "performed_step__received_at")
    its = Q(performed_step__station_ae_title=ae_title) | called
    return Finding.objects.filter(its, performed_step__site=site).order_by("-at", "-pk")


def of_findings(found: QuerySet[Finding]) -> list[Told]:
    return [_of_finding(one) for one in found.select_related("performed_step").defer("performed_step__attributes")]


def _of_finding(one: Finding) -> Told:
    rule = finding_rules.BY_CODE.get(one.code)
    look, paragraph, tell = (rule.look, rule.paragraph, rule.tell) if rule else (finding_rules.WARNING, "", "")
    return Told(one.at, one.at, one.code, one.text, look, one.attribute, paragraph, tell, one.performed_step)


def refused(site: Site, ae_title: str) -> list[Told]:
    """Of messages that were refused alike the last, with their number; the latest first. There are no more than ways to be refused."""
    called = any_of(titles.on_its_clock(site, ae_title), "calling_ae_title", "received_at")
    refused = MppsMessage.objects.filter(called, site=site).exclude(status__in=DONE).order_by()
    alike = refused.values("verb", "status", "error_comment").annotate(first=Min("received_at"), last=Max("received_at"), times=Count("pk"))
    return [_of_refusals(**one) for one in alike.order_by("-last", "verb", "status", "error_comment")]


def _of_refusals(verb: str, status: int, error_comment: str, first: datetime, last: datetime, times: int) -> Told:
    table = words.CREATE if verb == Verb.N_CREATE else words.SET
    text = f"{verb} refused, {status:04X} {name_of(status)}{f': {error_comment}' if error_comment else ''}"
    paragraph = "PS3.7 10.1.5.1.6, PS3.4 F.7.2.1" if verb == Verb.N_CREATE else "PS3.7 10.1.3.1.9, PS3.4 F.7.2.2"
    cause = checking.cause(status, error_comment)
    attribute, paragraph = (cause.attribute, finding_rules.BY_CODE[cause.code].paragraph) if cause else ("", paragraph)
    code = f"{verb.replace('-', '_')}_REFUSED"
    return Told(last, first, code, text, "ERROR", attribute, paragraph, words.about(table, status, error_comment), None, times, status)
