import pytest

from dimse.decode import MAXIMUM_DEPTH
from worklist import dump

ITEM = """
# Dicom-File-Format
(0002,0000) UL 200                                      #   4, 1 FileMetaInformationGroupLength
(0002,0010) UI =LittleEndianExplicit                    #  20, 1 TransferSyntaxUID

# Dicom-Data-Set
(0008,0005) CS [ISO_IR 100]                             #  10, 1 SpecificCharacterSet
(0008,0050) SH 00002
(0008,0050) SH 345345
(0010,0010) PN [M\xdcLLER^J\xfcrgen]                    #  14, 1 PatientName
(0010,21c0) US 4                                        #   2, 1 PregnancyStatus
(0010,2110) LO [Latex\\Iodine]                          #  12, 2 Allergies
(0010,4000) LT [first line
second line]
(0032,1064) SQ (Sequence with undefined length #=0)     # u/l, 1 RequestedProcedureCodeSequence
(fffe,e0dd) na (SequenceDelimitationItem)               #   0, 0 SequenceDelimitationItem
(0040,0100) SQ (Sequence with explicit length #=1)      # 156, 1 ScheduledProcedureStepSequence
  (fffe,e000) na (Item with explicit length #=12)         # 148, 1 Item
    (0032,1070) LO (no value available)                     #   0, 0 RequestedContrastAgent
    (0040,0001) AE [AA32\\AA33]                             #   9, 2 ScheduledStationAETitle
  (fffe,e00d) na (ItemDelimitationItem for re-encoding)   #   0, 0 ItemDelimitationItem
(fffe,e0dd) na (SequenceDelimitationItem for re-encod.) #   0, 0 SequenceDelimitationItem
(0040,1001) SH [R]P[1]
(0009,0010) LO [PRIVATE CREATOR]
(0009,1010) OB 00\\ff
""".encode("latin-1")


def test_every_form_of_line_is_read() -> None:
    dataset, notes = dump.parse(ITEM)
    step = dataset.ScheduledProcedureStepSequence[0]
    assert dataset.PatientName == "MÜLLER^Jürgen"
    assert dataset.PregnancyStatus == 4
    assert list(dataset.Allergies) == ["Latex", "Iodine"]
    assert dataset.PatientComments == "first line\r\nsecond line"
    assert list(step.ScheduledStationAETitle) == ["AA32", "AA33"]
    assert step["RequestedContrastAgent"].is_empty
    assert dataset["RequestedProcedureCodeSequence"].value == []
    assert dataset[0x00091010].value == b"\x00\xff"
    assert dataset.RequestedProcedureID == "R]P[1"
    assert notes == ("line 9: AccessionNumber (0008,0050) is given again; the first counts",)


def test_of_an_element_that_stands_twice_the_first_counts() -> None:
    assert dump.parse(ITEM)[0].AccessionNumber == "00002"


def test_group_lengths_and_file_meta_information_are_passed_over() -> None:
    dataset, _ = dump.parse(b"(0008,0000) UL 10\n(0002,0010) UI =NoSuchName\n(0008,0050) SH A1\n")
    assert [element.keyword for element in dataset] == ["AccessionNumber"]


def test_text_is_read_in_the_declared_character_set_wherever_it_is_declared() -> None:
    dataset, _ = dump.parse("(0010,0010) PN [Yamada^Tarou=山田^太郎]\n(0008,0005) CS [ISO_IR 192]\n".encode())
    assert str(dataset.PatientName) == "Yamada^Tarou=山田^太郎"
    declared = b"(0008,0005) CS [\\ISO 2022 IR 87]\n"
    dataset, _ = dump.parse(declared + b"(0010,0010) PN [" + "山田".encode("iso2022_jp") + b"]\n")
    assert str(dataset.PatientName) == "山田"


def test_bytes_outside_of_the_character_set_are_noted() -> None:
    dataset, notes = dump.parse(b"(0008,0005) CS [ISO_IR 192]\n(0010,0010) PN [M\xfcLLER]\n")
    assert dataset.PatientName == "M?LLER"
    assert "PatientName" in notes[0]


def nested(depth: int) -> bytes:
    return b"(0040,0440) SQ\n(fffe,e000) -\n" * depth + b"(fffe,e00d) -\n(fffe,e0dd) -\n" * depth


def test_sequences_are_nested_as_deep_as_on_the_network_and_no_deeper() -> None:
    inner, _ = dump.parse(nested(MAXIMUM_DEPTH))
    for _ in range(MAXIMUM_DEPTH):
        (inner,) = inner[0x00400440].value
    for depth in (MAXIMUM_DEPTH + 1, 3000):
        with pytest.raises(dump.DumpError, match=r"line 33: ProtocolContextSequence .* sequences are nested deeper than 16"):
            dump.parse(nested(depth))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"", "no element at all"),
        (b"just a letter to my aunt\n", "line 1: 'just a letter to my aunt' is no element"),
        (b"(0008,0050) SH A1\n(001G,0010) PN X\n", "line 2: .*is no element"),
        (b"(0008,0050) SH A1\n\n(0011,9999) ?? X\n", "line 3: .*not in the data dictionary"),
        (b"(0010,0010) PN [ABC\n(0010,0020) LO [1]\n", "line 1: .*closing bracket"),
        (b"(0010,4000) LT [ABC\n(0010,0020) LO [1]\n", "line 1: .*closing bracket"),
        (b"(0010,21c0) US four\n", "line 1: 'four' is no value of PregnancyStatus"),
        (b"(0040,0100) SQ\n(fffe,e000) -\n(0008,0060) CS CT\n", "ends inside ScheduledProcedureStepSequence"),
        (b"(0040,0100) SQ\n(0008,0060) CS CT\n", "line 2: an item of ScheduledProcedureStepSequence"),
        (b"(fffe,e000) -\n", "line 1: an item or delimiter"),
        (b"(fffe,e00d) -\n", "line 1: an item or delimiter"),
        (b"(0040,0100) SQ\n(fffe,e000) -\n(fffe,e0dd) -\n", "line 3: an item or delimiter"),
        (b"(0040,0100) SQ\n(fffe,e000) -\n(fffe,e00d) -\n", "line 4: .*ends inside ScheduledProcedureStepSequence"),
        (b"(0010,0010) PN ABC]\n", "line 1: the value of PatientName .* has no opening bracket"),
        (b"(0040,0100) LO [ABC]\n", "line 1: ScheduledProcedureStepSequence .* has VR SQ, not LO"),
        (b"(0010,0010) SQ\n(fffe,e0dd) -\n", "line 1: PatientName .* has VR PN, not SQ"),
        (b"(0010,0020) LO [DOE]  #  4, 1 PatientName\n", r"line 1: PatientID .* is called PatientName \(0010,0010\) in its comment"),
        (b"(0010,00200) LO [1]\n", "line 1: .*is no element"),
        (b"0010,0020 LO [1]\n", "line 1: .*is no element"),
    ],
)
def test_what_cannot_be_understood_is_named_by_line(text: bytes, problem: str) -> None:
    with pytest.raises(dump.DumpError, match=problem):
        dump.parse(text)


def test_a_last_line_without_an_end_is_noted() -> None:
    assert dump.parse(b"(0008,0050) SH A1\n(0040,1003) SH L")[1] == ("line 2: the last line has no end; the file may be cut",)
    assert dump.parse(b"(0008,0050) SH A1\n(0040,1003) SH LOW\n")[1] == ()


def test_a_last_line_that_lost_its_comment_is_refused_as_cut() -> None:
    with pytest.raises(dump.DumpError, match=r"line 2: .*the file is cut"):
        dump.parse(b"(0008,0050) SH [A1]   #   2, 1 AccessionNumber\n(0040,1003) SH [L]")


def test_another_vr_than_the_dictionary_has_is_noted_and_the_value_kept() -> None:
    dataset, notes = dump.parse(b"(0010,0010) DA [DOE^JOHN]\n(0010,21c0) IS 4\n(0040,0031) UN 41\\42\n")
    assert (str(dataset.PatientName), dataset["PatientName"].VR, dataset.PregnancyStatus) == ("DOE^JOHN", "PN", 4)
    assert notes == ("line 1: PatientName (0010,0010) has VR PN, not DA", "line 2: PregnancyStatus (0010,21C0) has VR US, not IS")


def test_names_in_comments_that_are_no_keywords_of_today_are_passed_over() -> None:
    old = (
        b"(0010,0010) PN [DOE^JOHN] #  8, 1 PatientsName\n(6002,0010) US 4 #  2, 1 OverlayRows\n(0009,0010) LO [X] # 2, 1 PrivateCreator\n"
    )
    assert dump.parse(old)[0].PatientName == "DOE^JOHN"
