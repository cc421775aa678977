"""What to tell whoever stands at the modality about a refusal, a bad connection or a status: tables that code, tests and docs read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from dimse import statuses
from dimse.echo import ADVICE
from dimse.policy import FROM_ELSEWHERE
from dimse.strangers import NoDicom
from mpps import checking
from mpps.finding_rules import BY_CODE, RULES, UID_INVALID
from worklist.lint_rules import OF_QUERIES


@dataclass(frozen=True)
class Advice:
    """`sign` is what the journal's words hold; `next` what to do, with the names of `Evidence` in braces."""

    sign: str
    next: str


NOT_SERVED: Final = "(1/1/7)"
"""Result, source and reason of PS3.8 Table 9-21: called AE title not recognized."""

REJECTIONS: Final = (
    Advice(NOT_SERVED, "Change the called AE title at the modality to {ours}, or accept both."),
    Advice(FROM_ELSEWHERE, "Allow that address if it is the device’s; or have the modality call from one of {allowed}."),
    Advice("(1/1/3)", "It was not known when it called. It is registered now: have it call again."),
    Advice("user identity", "Have the modality offer no user identity; nobody is authenticated by one here."),
    Advice("(1/1/2)", "The modality names another application context than DICOM’s; its network settings are damaged."),
    Advice("(1/2/2)", "The modality speaks another protocol version than 1; update its DICOM software."),
    Advice("(2/3/2)", "There are too many associations at once. Let the modality release those that it does not need, then try again."),
    Advice("(2/3/1)", "The server was stopping. Try again in a moment."),
    Advice("(2/1/1)", "The fault is here, not at the modality: look at the server’s log, then let it try again."),
)
"""Why an association was rejected, the first that fits."""

NO_WORD: Final = "Look at the port that is set at the modality, and at whether it wants TLS."
"""Of who was connected and said nothing that tells what it is."""
NO_DICOM: Final[Mapping[str, str]] = {
    NoDicom.TLS: "It speaks TLS to a port that does not: switch TLS off at the modality{or_tls}.",
    NoDicom.HTTP: "A browser or a web monitor asked the DICOM port. It is not the modality’s DICOM.",
    NoDicom.HL7: "An HL7 sender has the DICOM port; HL7 has a port of its own.",
    NoDicom.SSH: "Somebody tries to log in there by SSH; it is not the modality’s DICOM.",
    NoDicom.NO_CERTIFICATE: (
        "Give the modality a certificate signed by an authority of RIS_DICOM_TLS_CA: this port lets in nobody without "
        "one (RIS_DICOM_TLS_CLIENT=required)."
    ),
    NoDicom.CERTIFICATE_ELAPSED: "Give the modality a new certificate, for its own is out of date; or set the clock that is wrong.",
    NoDicom.CERTIFICATE_TOO_EARLY: (
        "The modality’s certificate is not valid yet: set the clock that is wrong, here or where the certificate was made; or wait."
    ),
    NoDicom.CERTIFICATE_FOR_SERVERS: (
        "The modality’s certificate is not made for a client: give it one whose Extended Key Usage has clientAuth, or has none."
    ),
    NoDicom.CERTIFICATE_NOT_TRUSTED: (
        "Have the modality’s certificate signed by an authority of RIS_DICOM_TLS_CA, or give that file its own."
    ),
    NoDicom.OUR_AUTHORITY_UNKNOWN: (
        "The modality does not trust our certificate: give it the authority that signed RIS_DICOM_TLS_CERTIFICATE."
    ),
    NoDicom.OUR_CERTIFICATE_BAD: (
        "The modality refuses our certificate (RIS_DICOM_TLS_CERTIFICATE): it has to name this host as the modality calls it."
    ),
    NoDicom.OUR_CERTIFICATE_REFUSED: (
        "The modality refuses our certificate (RIS_DICOM_TLS_CERTIFICATE): is it in date, does it name this host, and "
        "does the modality have the authority that signed it?"
    ),
    NoDicom.OLD_TLS: "It speaks a TLS older than 1.2: switch TLS 1.2 or later on at the modality.",
    NoDicom.NO_SHARED_CIPHER: (
        "It offers no cipher suite of BCP 195: let it offer ECDHE with AES-GCM, as TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256."
    ),
    NoDicom.PLAIN: "It speaks plain DICOM to the port for TLS: switch TLS on at the modality, or use the port {plain}.",
    NoDicom.HTTP_WITHOUT_TLS: "A browser or a web monitor asked the port for TLS without TLS. It is not the modality’s DICOM.",
    NoDicom.NOT_BEGUN: "It reached the port for TLS and did not begin with TLS: switch TLS on at the modality, or use the port {plain}.",
    NoDicom.HANDSHAKE: "TLS came to nothing: compare versions, cipher suites and certificates with the modality’s log.",
    NoDicom.OTHER: NO_WORD,
}
"""What somebody did who spoke no DICOM."""

REFUSED_CONTEXTS: Final = {
    "transfer syntaxes not supported": "it proposed no transfer syntax that is served; let it offer Implicit or Explicit VR Little Endian",
    "abstract syntax not supported": "that service is not offered here; it may have been switched off on purpose",
    "user rejection": "it proposed to be the server of it (SCP role); let it propose the SCU role, or none",
}

CREATE: Final = {
    statuses.NO_SUCH_ATTRIBUTE: "Take the attribute out of what it sends, or let undefined attributes pass in the settings of the station.",
    statuses.INVALID_ATTRIBUTE_VALUE: "Correct the value at the console: PS3.4 Table F.7.2-1 says what may stand there.",
    statuses.DUPLICATE_SOP_INSTANCE: "It was taken the first time. A new exam needs a new UID; an N-SET goes on with this one.",
    statuses.INVALID_SOP_INSTANCE: "The modality makes UIDs that break PS3.5 9.1; its UID root is set wrong.",
    statuses.MISSING_ATTRIBUTE: "Have it sent (PS3.4 Table F.7.2-1), or switch the station to lenient.",
    statuses.MISSING_ATTRIBUTE_VALUE: "Have it filled in: it is of type 1 (PS3.4 Table F.7.2-1). Or switch the station to lenient.",
    statuses.NOT_AUTHORIZED: "The station is set not to report performed steps; switch that on in its settings.",
    statuses.NO_SUCH_SOP_CLASS: "It sent another SOP class than Modality Performed Procedure Step (1.2.840.10008.3.1.2.3.3).",
    statuses.RESOURCE_LIMITATION: "The fault is here and may be over soon: let it send the same again.",
}
SET: Final = CREATE | {
    statuses.NO_SUCH_SOP_INSTANCE: "It names a performed step of which no N-CREATE was taken: it has to send the UID of its N-CREATE.",
}
FAILURES: Final = (
    Advice(
        "no longer be updated", "A performed step that is over may not be changed: it ended already, or the answer to the end was lost."
    ),
    Advice(
        "Internal error",
        "The fault is here, not at the modality: look at the server’s log, then let it send the same again with the same UID.",
    ),
    Advice("injected by", "It failed on purpose: a fault is switched on for this station. Let it send the same again with the same UID."),
    Advice(
        "",
        "It could not be decoded at the element that the Error Comment names: lengths and values have to fit the transfer syntax that was "
        "agreed. The same sent again gets the same answer.",
    ),
)
"""What a 0110H is about, by its Error Comment, the first that fits."""
OTHERWISE: Final = "The association log has what was sent and answered."

_NAMED: Final = {
    "ours": "the hospital’s",
    "allowed": "its addresses",
    "or_tls": ", or use our port for TLS",
    "plain": "for plain DICOM",
}


def about(table: Mapping[int, str], status: int | None, comment: str) -> str:
    """What to do about a message that was answered so."""
    if status == statuses.PROCESSING_FAILURE:
        return next(one.next for one in FAILURES if one.sign in comment)
    cause = None if status is None else checking.cause(status, comment)
    if cause is not None and cause.code == UID_INVALID:
        return BY_CODE[UID_INVALID].tell
    return OTHERWISE if status is None else table.get(status, OTHERWISE)


def no_dicom(taken_for: str, plain_port: int, tls_port: int) -> str:
    """What to do about somebody who spoke no DICOM, with the ports of this server; `tls_port` is 0 where there is none."""
    or_tls = f", or use our port for TLS, {tls_port}" if tls_port else "; this server has no port for TLS (RIS_DICOM_TLS_PORT)"
    return NO_DICOM.get(taken_for, NO_WORD).format(or_tls=or_tls, plain=f"{plain_port} for plain DICOM")


def markdown() -> dict[str, str]:
    """The tables of docs/connect.md, by their headings."""
    return {
        "Rejected associations": _table(
            ("the journal has", "what to do"), ((f"`{one.sign}`", one.next.format(**_NAMED)) for one in REJECTIONS)
        ),
        "What is no DICOM": _table(("code", "what to do"), ((f"`{code}`", said.format(**_NAMED)) for code, said in NO_DICOM.items())),
        "Presentation contexts that were not accepted": _table(("result", "what is said"), REFUSED_CONTEXTS.items()),
        "Our C-ECHO": _table(("result", "what to do"), ADVICE.items()),
        "Refused N-CREATE": _table(("status", "what to do"), _statuses(CREATE)),
        "Refused N-SET": _table(
            ("status", "what to do"), _statuses({status: said for status, said in SET.items() if said != CREATE.get(status)})
        ),
        "Answered 0110H": _table(
            ("the Error Comment has", "what to do"), ((f"`{one.sign}`" if one.sign else "anything else", one.next) for one in FAILURES)
        ),
        "Findings about worklist queries": _table(
            ("code", "rule", "what to tell the vendor, or do here"),
            ((f"`{code}`", rule.paragraph, rule.advice) for code, rule in OF_QUERIES.items()),
        ),
        "Findings about performed steps": _table(
            ("code", "rule", "what to tell the vendor"), ((f"`{rule.code}`", rule.paragraph, rule.tell) for rule in RULES)
        ),
    }


def _statuses(table: Mapping[int, str]) -> Iterable[tuple[str, str]]:
    return ((f"{status:04X}H {statuses.name_of(status)}", said) for status, said in table.items())


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows))
