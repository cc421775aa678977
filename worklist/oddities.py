"""What a query meets on its way that people should look at, as findings about the station that asks."""

from collections.abc import Iterable
from dataclasses import dataclass

from pydicom.datadict import keyword_for_tag, tag_for_keyword

from dimse import statuses
from dimse.errors import DimseFailure
from dimse.values import name_of_tag
from ris import clock
from ris.models import Site
from worklist import findings
from worklist.find import Found
from worklist.findings import Code, Observed
from worklist.lint_rules import OF_QUERIES
from worklist.plans import Misfit, Plan

_NAMED = 5  # characters that a finding names


@dataclass(frozen=True, slots=True)
class Oddities:
    """Reports for the queries of one AE title."""

    site: Site
    calling_ae_title: str

    def report_tolerated(self, notes: Iterable[str]) -> None:
        """What was odd about the identifier and understood all the same, each note with the attribute that it begins with."""
        for note in notes:
            path = note.split(" ")[0].rstrip(":")
            attribute = path if tag_for_keyword(path.rpartition(".")[2]) is not None else ""
            self._report(Code.TOLERATED_IN_QUERY, attribute, note)

    def report_misfits(self, plan: Plan, answered: Iterable[Found]) -> None:
        """Answers that went out in UTF-8 since the character set of the station does not have a character."""
        if not plan.has_misfits:
            return
        wanted = "\\".join(plan.character_set.terms)
        for one in answered:
            for misfit in plan.misfits(one.item):
                text = f"{_named(misfit)} not in {wanted}; the answer went out in ISO_IR 192"
                self._report(Code.NOT_IN_CHARACTER_SET, misfit.attribute, text, one.step_id)

    def report_cut(self, text: str) -> None:
        """More exams matched than the station is answered."""
        self._report(Code.ANSWERS_CUT, "", text)

    def report_refused(self, failure: DimseFailure) -> None:
        """A query that was answered with a failure, with the whole of what its Error Comment has room for the beginning of."""
        code = next((Code(code) for code, rule in OF_QUERIES.items() if rule.status == failure.status), Code.QUERY_REFUSED)
        said = f": {failure.comment}" if failure.comment else ""
        named = [keyword_for_tag(tag) or name_of_tag(tag) for tag in failure.offending[:1]]
        text = f"C-FIND refused, {failure.status:04X} {statuses.name_of(failure.status)}{said}"
        self._report(code, "".join(named), text)

    def _report(self, code: Code, attribute: str, text: str, step_id: int | None = None) -> None:
        findings.report(
            Observed(
                site_id=self.site.pk,
                station_ae_title=self.calling_ae_title,
                step_id=step_id,
                code=code,
                attribute=attribute,
                text=text,
                seen=clock.now(self.site),
            )
        )


def _named(misfit: Misfit) -> str:
    characters = ", ".join(f"{character} (U+{ord(character):04X})" for character in misfit.characters[:_NAMED])
    return f"{misfit.attribute} holds {characters}{' and others' if len(misfit.characters) > _NAMED else ''},"
