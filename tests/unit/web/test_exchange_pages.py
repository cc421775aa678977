"""The message inspector's pages: what is shown, changed, compared, asked again and taken out."""

import io
import json
import math
import re
import struct
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse
from pydicom import Dataset, dcmread

from dimse import journal
from dimse.encode import encode
from dimse.entries import MessageEntry, now
from dimse.errors import error_comment
from dimse.models import Association, Message
from dimse.services import EXPLICIT_VR_LITTLE_ENDIAN, MODALITY_PERFORMED_PROCEDURE_STEP, Verb
from dimse.uids import new_uid
from mpps import actions
from ris.actions import stations
from ris.models import AuditRecord, Station
from ris.peers import Journal
from ris.web import datasets
from stepwise.inspector import changed, said
from tests.support.hospital import ACTOR, a_site, a_station, an_order, steps_of
from tests.support.journal import a_query, an_association
from tests.support.mpps import a_create, received
from tests.support.performing import begin, end
from tests.support.worklist import identifier
from worklist import findings
from worklist.models import WorklistEntry
from worklist.replay import Replayed

pytestmark = pytest.mark.django_db(databases=["default", "journal"])
SignIn = Callable[..., Client]
LIST = {"ScheduledStationAETitle": "CT01", "ScheduledProcedureStepID": "", "ScheduledProcedureStepStartDate": ""}


def text(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return " ".join(unescape(answer.content.decode()).replace("<wbr>", "").split())


def at(message: Message, name: str = "exchange") -> str:
    return reverse(name, args=[message.association_id, message.pk])


def an_mpps_message(verb: str, data: Dataset | bytes, uid: str, status: int = 0) -> Message:
    """As the server journals one, answered."""
    common = {
        "association_id": an_association(),
        "time": now(),
        "verb": verb,
        "message_id": 3,
        "sop_class_uid": MODALITY_PERFORMED_PROCEDURE_STEP,
        "sop_instance_uid": uid,
        "transfer_syntax": EXPLICIT_VR_LITTLE_ENDIAN,
    }
    raw = data if isinstance(data, bytes) else encode(data, EXPLICIT_VR_LITTLE_ENDIAN)
    journal.write([MessageEntry(**common, incoming=True, data=raw), MessageEntry(**common, incoming=False, status=status)])
    return Message.objects.get(association_id=common["association_id"], direction="in")


def test_the_context_that_was_accepted_is_told_before_one_that_was_not(signed_in: SignIn) -> None:
    a_station("CT01")
    refused = (MODALITY_PERFORMED_PROCEDURE_STEP, "", "transfer syntaxes not supported")
    accepted = (MODALITY_PERFORMED_PROCEDURE_STEP, EXPLICIT_VR_LITTLE_ENDIAN, "accepted")
    message = an_mpps_message("N-SET", a_status("COMPLETED"), "1.2.3")
    keys = ("abstract_syntax", "transfer_syntax", "result")
    contexts = [dict(zip(keys, one, strict=True)) for one in (refused, accepted)]
    Association.objects.filter(pk=message.association_id).update(contexts=contexts)
    shown = text(signed_in("integrator"), at(message))
    assert ", accepted</dd>" in shown
    assert "transfer syntaxes not supported" not in shown


def a_status(status: str, **more: str) -> Dataset:
    dataset = Dataset()
    dataset.PerformedProcedureStepStatus = status
    for keyword, value in more.items():
        setattr(dataset, keyword, value)
    return dataset


def test_the_page_shows_both_sides_in_three_forms(signed_in: SignIn) -> None:
    steps_of(an_order(name="DOE^Jane"))
    asked = a_query(identifier(LIST, PatientName="DOE*"), answers=0)
    client = signed_in("integrator")
    page = text(client, at(asked))
    for shown in ("PatientName", "DOE*", "(no value)", "C-FIND-RQ", "0020H", "Explicit VR Little Endian (1.2.840.10008.1.2.1)", "5.0 ms"):
        assert shown in page
    assert f"/stations/CT01/queries/?message={asked.pk}" in page
    assert "(0010,0010) PN [DOE*]" in text(client, f"{at(asked)}?as=dump")
    assert '"00100010"' in text(client, f"{at(asked)}?as=json")
    response = Message.objects.get(association_id=asked.association_id, direction="out")
    assert "DOE*" in text(client, at(response))


def test_what_is_no_data_set_is_shown_in_hexadecimal(signed_in: SignIn) -> None:
    an_order()
    asked = a_query(b"\x10\x00\x10\x00PN\xff\x00DOE", status=0xC002)
    page = text(signed_in("integrator"), at(asked))
    assert "10 00 10 00 50 4e ff 00" in page
    assert "No data set: PatientName (0010,0010): 255 bytes announced" in page


def test_a_number_that_is_none_is_shown_and_taken_out_in_every_form(signed_in: SignIn) -> None:
    an_order()
    client = signed_in("integrator")
    odd = an_mpps_message("N-SET", struct.pack("<HH2sH", 0x0018, 0x1150, b"IS", 8) + b"12SMITH ", "1.2.3")
    assert '"12SMITH"' in text(client, f"{at(odd)}?as=json")
    assert "12SMITH" in text(client, at(odd)) and "12SMITH" in text(client, f"{at(odd)}?as=dump")
    clean = zipfile.ZipFile(io.BytesIO(client.post(at(odd, "exchange-files"), {"without": "identities"}).content))
    assert b"12SMITH" not in clean.read("request.dcm")


def test_json_has_no_number_that_json_does_not_know_and_no_large_binary() -> None:
    dataset = Dataset()
    dataset.add_new(0x00189073, "FD", math.nan)
    dataset.add_new(0x00091001, "OB", bytes(2000))
    found = json.loads(datasets.as_json(dataset), parse_constant=pytest.fail)
    assert found["00189073"] == {"vr": "FD", "Value": ["nan"]}
    assert found["00091001"] == {"vr": "OB", "BulkDataURI": ""}


def test_private_attributes_group_lengths_and_large_sets_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = Dataset()
    dataset.add_new(0x00080000, "UL", 4)
    dataset.add_new(0x00190010, "LO", "ACME 1.1")
    dataset.add_new(0x00191001, "OB", bytes(range(20)))
    for number, value in enumerate((b"ACME chest protocol, 2 mm ", "Größe und Länge".encode(), b"CT", b"\xe4\xf6 and so on", b"x" * 2000)):
        dataset.add_new(0x00191002 + number, "UN", value)
    shown = {one.tag: one for one in datasets.elements(dataset)}
    assert [shown[f"(0019,100{number})"].value for number in range(2, 6)] == [
        "26 bytes: “ACME chest protocol, 2 mm”",
        "18 bytes: “Größe und Länge”",
        "2 bytes: 43 54 “CT”",
        "12 bytes: e4 f6 20 61 6e 64 20 73 6f 20 6f 6e",
    ]
    assert shown["(0019,1006)"].value == f"2000 bytes: “{'x' * datasets.MAX_TEXT}…”"
    assert shown["(0008,0000)"].keyword == "GroupLength"
    assert shown["(0019,1001)"].keyword == "Private (ACME 1.1)"
    assert shown["(0019,1001)"].value == "20 bytes: 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f …"
    monkeypatch.setattr(datasets, "MAX_ELEMENTS", 2)
    cut = datasets.shown(dataset, "request", "table")
    assert (len(cut.elements), cut.cut) == (2, "the first 2 of 8 attributes are shown; the exported file has all")
    assert "more bytes are not shown" in datasets.hexadecimal(bytes(5000))


def test_what_a_message_changed_is_listed_with_links(signed_in: SignIn) -> None:
    step = steps_of(an_order())[0]
    performed = begin([step])
    created = an_mpps_message("N-CREATE", a_status("IN PROGRESS"), performed.sop_instance_uid)
    client = signed_in("integrator")
    page = text(client, at(created))
    assert f'href="{reverse("performed-step", args=[performed.pk])}"' in page
    assert f'href="{reverse("step", args=[step.pk])}"' in page
    end(performed)
    ended = an_mpps_message("N-SET", a_status("COMPLETED"), performed.sop_instance_uid)
    charge = performed.charges.get()
    assert f'href="{reverse("charge", args=[charge.pk])}"' in text(client, at(ended))
    refused = an_mpps_message("N-SET", a_status("COMPLETED"), performed.sop_instance_uid, status=0x0110)
    assert "Nothing: it was refused." in text(client, at(refused))


def test_what_another_message_of_the_same_second_changed_is_not_its_effect(signed_in: SignIn) -> None:
    performed = begin([steps_of(an_order())[0]])
    created = an_mpps_message("N-CREATE", a_status("IN PROGRESS"), performed.sop_instance_uid)
    end(performed)
    ended = an_mpps_message("N-SET", a_status("COMPLETED"), performed.sop_instance_uid)
    charge = performed.charges.get()
    found = {one.pk: changed.effects(said.exchange(Journal(a_site()), one.association_id, one.pk), a_site()) for one in (created, ended)}
    assert {one.kind for one in found[created.pk]} == {"Performed step", "Exam"}
    assert not any("Completed" in one.what for one in found[created.pk])
    assert reverse("charge", args=[charge.pk]) in [one.url for one in found[ended.pk]]
    assert any("Completed" in one.what for one in found[ended.pk])


def test_a_value_that_the_journal_does_not_keep_is_not_made_up(signed_in: SignIn) -> None:
    an_order()
    page = text(signed_in("integrator"), at(an_mpps_message("N-SET", a_status("COMPLETED"), "1.2.3")))
    assert "0102H" not in page and "a data set follows" in page


def test_a_message_with_thousands_of_references_is_shown_in_part_with_all_its_attributes(signed_in: SignIn) -> None:
    an_order()
    series, ended = Dataset(), a_status("COMPLETED")
    series.SeriesDescription = "Chest"
    series.ReferencedImageSequence = [Dataset() for _ in range(1600)]
    for number, item in enumerate(series.ReferencedImageSequence):
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", f"1.2.9.{number}"
    ended.PerformedSeriesSequence = [series, series]
    large, small = an_mpps_message("N-SET", ended, "1.2.3"), an_mpps_message("N-SET", a_status("IN PROGRESS"), "1.2.3")
    client = signed_in("integrator")
    for form in ("table", "dump"):
        page = text(client, f"{at(large)}?as={form}")
        assert page.count("1500 more items") == 2 and "1600 items" in page and page.count("Chest") == 2 and "COMPLETED" in page
        assert len(page) < 300_000
    assert "3000 items of sequences not shown" in text(client, f"{at(large)}?as=json")
    beside = text(client, f"{at(small, 'exchange-beside')}?with={large.pk}")
    assert "1 changed, 6402 added, 0 removed, 0 the same" in beside and "5903 more attributes not shown" in beside
    assert beside.count('data-status="INFO">Added') == 499


def test_a_data_set_too_large_for_the_journal_is_shown_from_the_record_of_the_performed_step(signed_in: SignIn) -> None:
    dataset = a_create(steps_of(an_order())[0])
    raw = encode(dataset, EXPLICIT_VR_LITTLE_ENDIAN)
    performed = actions.n_create(replace(received(Verb.N_CREATE, new_uid(), dataset), raw=raw, message_id=3))
    created = an_mpps_message("N-CREATE", b"", performed.sop_instance_uid)
    Message.objects.filter(pk=created.pk).update(remark=f"data set of {len(raw)} bytes not kept")
    client = signed_in("integrator")
    page = text(client, at(created))
    assert f"{len(raw)} bytes</span>" in page and "PerformedProcedureStepStatus" in page
    assert "not kept in the journal; this is the performed step's record of it" in page
    files = zipfile.ZipFile(io.BytesIO(client.post(at(created, "exchange-files")).content))
    assert files.read("request.dcm").endswith(raw)
    Message.objects.filter(pk=created.pk).update(remark=f"data set of {len(raw) + 2} bytes not kept")
    page = text(client, at(created))
    assert "PerformedProcedureStepStatus" not in page and "bytes not kept" in page
    assert page.count("No data set") == 1 and page.count("0101H <i>no data set") == 1, "that of the response"


def test_two_messages_are_compared_attribute_by_attribute(signed_in: SignIn) -> None:
    performed = begin([steps_of(an_order())[0]])
    created = an_mpps_message("N-CREATE", a_status("IN PROGRESS", Modality="CT", PatientID="P1"), performed.sop_instance_uid)
    ended = an_mpps_message(
        "N-SET", a_status("COMPLETED", Modality="CT", PerformedProcedureStepEndDate="20261123"), performed.sop_instance_uid
    )
    client = signed_in("integrator")
    assert f'<option value="{ended.pk}">N-SET' in text(client, at(created))
    page = text(client, f"{at(created, 'exchange-beside')}?with={ended.pk}")
    assert "1 changed, 1 added, 1 removed, 1 the same" in page
    assert "IN PROGRESS" in page and "COMPLETED" in page and "(0008,0060)" not in page
    assert "(0008,0060)" in text(client, f"{at(created, 'exchange-beside')}?with={ended.pk}&all=1")
    for wrong in ("x", "999999"):
        assert client.get(f"{at(created, 'exchange-beside')}?with={wrong}").status_code == 404


def links(client: Client, address: str, name: str) -> list[str]:
    """Where the links of the page lead whose identifiers begin so."""
    answer = client.get(address)
    assert answer.status_code == 200
    return [unescape(found) for found in re.findall(rf'id="{name}[^"]*" href="([^"]+)"', answer.content.decode())]


def test_a_message_of_another_station_is_found_in_the_log_and_compared_by_links_alone(signed_in: SignIn) -> None:
    steps_of(an_order())
    ours, theirs = a_query(identifier(LIST)), a_query(identifier({**LIST, "ScheduledStationAETitle": "MR01"}), calling="MR01")
    client = signed_in("integrator")
    (search,) = links(client, at(ours), "compare-search")
    listed = text(client, search)
    assert "C-FIND of CT01" in listed and listed.count(">Chosen</span>") == 1
    form = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', client.get(search).content.decode()))
    narrowed = client.post(reverse("associations"), {**form, "q": "MR01", "accession": ""}).headers["Location"]
    (other,) = links(client, narrowed, "compare-[0-9]")
    compared = client.get(other)
    assert compared.status_code == 302
    assert compared.headers["Location"] == f"{at(ours, 'exchange-beside')}?with={theirs.pk}"  # the request, not its response
    page = text(client, compared.headers["Location"])
    assert "1 changed" in page and f'<option value="{theirs.pk}" selected>' in page
    (opened,) = links(client, narrowed, "open-")
    assert links(client, opened, "compare-[0-9]")
    assert links(client, narrowed, "chosen-stop") == [f"{reverse('associations')}?q=MR01"]
    assert links(client, f"{search}&q=nobody", "cleared") == [search]


def test_a_chosen_message_that_is_gone_is_told_and_nothing_is_offered(signed_in: SignIn) -> None:
    a_station("CT01")
    a_query(identifier(LIST))
    client = signed_in("integrator")
    gone = f"{reverse('associations')}?compare=999999"
    assert "Message 999999 is not in the journal" in text(client, gone) and not links(client, gone, "compare-[0-9]")
    answer = client.get(f"{reverse('associations')}?compare=x")
    assert answer.status_code == 422 and "is no number of a message" in unescape(answer.content.decode())


def test_a_reason_is_shown_in_whole_and_in_the_command_as_it_travelled(signed_in: SignIn) -> None:
    reason = "StudyInstanceUID '2.25.29568217364912837461927364918273649182.007' is no UID: its component '007' has a leading zero"
    a_station("CT01")
    asked = a_query(identifier(LIST), answers=0, status=0xA900, comment=reason)
    client = signed_in("integrator")
    page = text(client, at(asked))
    assert f"“{reason}”" in page and error_comment(reason) in page
    assert f">{reason}<" in text(client, reverse("associations"))


def test_a_query_is_asked_again_and_leaves_no_trace(signed_in: SignIn) -> None:
    a_station("CT01")
    asked = a_query(identifier(LIST, PatientName="", AccessionNumber="", StudyInstanceUID=""), answers=0, at=now() - timedelta(days=1))
    step = steps_of(an_order(name="DOE^Jane"))[0]
    before = Message.objects.count()
    findings.gathering.write()
    page = text(signed_in("integrator"), at(asked, "exchange-again"))
    assert "It got no answers then; now it gets 1." in page
    assert step.scheduled_procedure_step_id in page and "Added" in page
    assert Message.objects.count() == before
    assert not findings.gathering._waiting
    WorklistEntry.objects.all().delete()
    assert "It got no answers then; now it gets none." in text(signed_in("trainee"), at(asked, "exchange-again"))


def test_what_changed_and_is_gone_since_a_query_is_told(signed_in: SignIn) -> None:
    a_station("CT02")
    names = {"DOE^Jane": "CT01", "ROE^Ann": "CT02"}
    steps = [steps_of(an_order(name=name, patient_id=name, station=station))[0] for name, station in names.items()]
    asked = a_query(identifier(LIST | {"ScheduledStationAETitle": ""}, PatientName="", StudyInstanceUID=""), at=now() - timedelta(hours=1))
    answers = []
    for step, name in zip(steps, ("DOE^Joan", "ROE^Ann"), strict=True):
        answer, item = Dataset(), Dataset()
        answer.PatientName, answer.StudyInstanceUID = name, step.requested_procedure.study_instance_uid
        item.ScheduledProcedureStepID, item.ScheduledStationAETitle = step.scheduled_procedure_step_id, "CT01"
        answer.ScheduledProcedureStepSequence = [item]
        answers.append(encode(answer, EXPLICIT_VR_LITTLE_ENDIAN))
    response = Message.objects.filter(association_id=asked.association_id, direction="out")
    response.update(first_answers=journal.packed(answers), answer_count=2)
    WorklistEntry.objects.filter(pk=steps[1].pk).delete()
    page = text(signed_in("integrator"), at(asked, "exchange-again"))
    gone = page.partition(f'href="{reverse("step", args=[steps[1].pk])}"')[2].partition("</tr>")[0]
    assert (
        "It has no entry in the worklist" in gone
        and f"{reverse('step-explanation', args=[steps[1].pk])}?station=CT01&message={asked.pk}" in gone
    )
    assert f'id="answer-changed-1" href="{reverse("step", args=[steps[0].pk])}"' in page
    assert "It got 2 answers then; now it gets 1." in page
    assert 'PatientName: <span class="mono">DOE^Joan</span> → <span class="mono">DOE^Jane</span>' in page
    assert "Was an answer then, and is none now" in page and steps[1].scheduled_procedure_step_id in page


def test_a_query_whose_association_is_lost_is_not_asked_as_nobody(signed_in: SignIn) -> None:
    an_order(name="DOE^Jane")
    asked = a_query(identifier(LIST, PatientName=""), answers=1)
    Association.objects.filter(pk=asked.association_id)._raw_delete("journal")
    page = text(signed_in("integrator"), at(asked, "exchange-again"))
    assert "It cannot be asked." in page and "The journal has lost its association" in page
    assert "now it gets" not in page


def test_a_query_whose_station_would_be_rejected_now_says_so(signed_in: SignIn) -> None:
    an_order()
    asked = a_query(identifier(LIST, PatientName=""), answers=1)
    client = signed_in("integrator")
    assert "would be rejected now" not in text(client, at(asked, "exchange-again"))
    connected = Station.objects.get(ae_title="CT01")
    stations.save_station(a_site(), replace(stations.data_of(connected), addresses=["10.99.99.99"]), ACTOR, connected.version)
    assert "its association would be rejected now" in text(client, at(asked, "exchange-again"))


def an_answer(**more: str) -> Dataset:
    """With a step ID and what else is given."""
    answer, item = Dataset(), Dataset()
    item.ScheduledProcedureStepID = "1"
    answer.ScheduledProcedureStepSequence = [item]
    for keyword, value in more.items():
        setattr(answer, keyword, value)
    return answer


def test_a_corrected_number_is_a_change_of_the_same_exam() -> None:
    then = an_answer(StudyInstanceUID="1.2.3", PatientID="P1", AccessionNumber="A1")
    now = an_answer(StudyInstanceUID="1.2.3", PatientID="P2", AccessionNumber="A2")
    found = Replayed((then,), 1, (now,), 0)
    assert (found.added, found.gone, found.stayed) == ([], [], [(then, now)])


def test_exams_that_nothing_tells_apart_are_each_counted() -> None:
    one, two, three = an_answer(), an_answer(), an_answer()
    found = Replayed((one, two), 2, (one, two, three), 0)
    assert (found.added, found.gone, len(found.stayed)) == ([three], [], 2)


@pytest.mark.parametrize(("status", "remark"), [(0xFE00, ""), (0, "more exams match than the 1 answers that CT01 is set to: …")])
def test_answers_that_were_stopped_are_not_all_of_then(signed_in: SignIn, status: int, remark: str) -> None:
    an_order()
    asked = a_query(identifier(LIST, PatientName=""), status=status, remark=remark)
    page = text(signed_in("integrator"), at(asked, "exchange-again"))
    assert "It did not get all then" in page and "was no answer then" not in page


def test_only_queries_that_can_be_read_are_asked_again(signed_in: SignIn) -> None:
    client = signed_in("integrator")
    performed = begin([steps_of(an_order())[0]])
    assert client.get(at(an_mpps_message("N-SET", a_status("COMPLETED"), performed.sop_instance_uid), "exchange-again")).status_code == 404
    odd = a_query(identifier({"ScheduledProcedureStepStartDate": "soon"}), status=0xA900)
    assert "It cannot be asked." in text(client, at(odd, "exchange-again"))


def test_an_exchange_is_exported_to_the_byte_and_a_refused_one_bare_too(signed_in: SignIn) -> None:
    an_order()
    client = signed_in("integrator")
    query = identifier(LIST, PatientName="DOE*")
    good, broken = a_query(query), a_query(b"\x10\x00\x10\x00PN\xff\x00DOE", status=0xC002)
    answer = client.post(at(good, "exchange-files"))
    assert answer.headers["Content-Disposition"] == f'attachment; filename="exchange-{good.pk}.zip"'
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.namelist() == ["README.txt", "request.dcm"]
    assert dcmread(io.BytesIO(archive.read("request.dcm"))).PatientName == "DOE*"
    assert archive.read("request.dcm").endswith(encode(query, EXPLICIT_VR_LITTLE_ENDIAN))
    bare = zipfile.ZipFile(io.BytesIO(client.post(at(broken, "exchange-files")).content))
    assert bare.read("request.bin") == b"\x10\x00\x10\x00PN\xff\x00DOE"
    assert b"cannot be read as a data set" in bare.read("README.txt")
    clean = zipfile.ZipFile(io.BytesIO(client.post(at(good, "exchange-files"), {"without": "identities", "keep_ae_titles": "on"}).content))
    assert str(dcmread(io.BytesIO(clean.read("request.dcm"))).PatientName) == "PERSON1^GIVEN1*"
    assert b"AE titles were kept" in clean.read("README.txt")
    unasked = zipfile.ZipFile(io.BytesIO(client.post(at(good, "exchange-files"), {"without": "identities"}).content))
    assert b"AE titles were renamed" in unasked.read("README.txt") and b"CT01" not in unasked.read("README.txt")
    assert not re.search(r'name="keep_[a-z_]+"[^>]* checked', text(client, at(good)))
    assert client.post(at(good, "exchange-files"), {"without": "1"}).status_code == 400


def test_who_looks_at_an_n_set_or_takes_it_out_is_entered_with_its_patient(signed_in: SignIn) -> None:
    order = an_order()
    performed = end(begin(steps_of(order)))
    ended = an_mpps_message("N-SET", a_status("COMPLETED"), performed.sop_instance_uid)
    client = signed_in("integrator")
    text(client, at(ended))
    assert client.post(at(ended, "exchange-files")).status_code == 200
    assert client.get(at(ended, "exchange-beside"), {"with": ended.pk}).status_code == 200
    records = AuditRecord.objects.filter(place__startswith="exchange")
    assert [record.place for record in records.order_by("pk")] == ["exchange", "exchange-files", "exchange-beside"]
    for record in records:
        assert record.patients.get().patient_key == order.patient_id


def test_who_may_not_take_messages_out_sees_no_button(signed_in: SignIn) -> None:
    an_order()
    asked = a_query(identifier(LIST))
    client = signed_in("technologist")
    assert "As DICOM files" not in text(client, at(asked))
    assert client.post(at(asked, "exchange-files")).status_code == 403


def test_a_message_of_another_association_or_none_is_no_page(signed_in: SignIn) -> None:
    an_order()
    asked, other = a_query(identifier(LIST)), a_query(identifier(LIST))
    client = signed_in("integrator")
    assert client.get(reverse("exchange", args=[other.association_id, asked.pk])).status_code == 404
    assert client.get(reverse("exchange", args=[asked.association_id, 10**12])).status_code == 404
