import json
import os
from copy import deepcopy

import pytest
from django.core.management import call_command
from pydicom.dataset import Dataset

from tests.support import modality_docs
from tests.unit.training.test_performed import CT01, NOW, worklist_item
from training import performed, profiles
from training.consoles.plain import plain
from training.listing import is_complete
from training.profiles import PLAIN, Profile, ProfileError, all_profiles
from training.query import Question
from training.quirks.asking import ASKING
from training.quirks.habits import HABITS
from training.quirks.telling import TELLING

VALUES = {
    "cancels_after": (11, lambda profile: profile.cancels_after > 0),
    "transfer_syntaxes": (12, lambda profile: len(profile.transfer_syntaxes) == 1),
    "list_kept_minutes": (13, lambda profile: profile.list_kept_minutes > 0),
}
"""Habits that are values of a profile: number, and who has them."""


def known() -> dict[str, tuple[int, str, list[str]]]:
    """Number, words and profiles of each quirk by name, but the words of values."""
    chosen = {profile.name: {*profile.asks, *profile.tells, *profile.habits} for profile in all_profiles().values()}
    quirks = {name: (quirk.number, quirk.what) for table in (ASKING, TELLING) for name, quirk in table.items()} | dict(HABITS)
    return {name: (number, what, [p for p, names in chosen.items() if name in names]) for name, (number, what) in quirks.items()}


def test_the_documentation_lists_every_quirk_with_the_profiles_that_have_it():
    documented = {row[1]: row for row in modality_docs.rows("What machines do otherwise")}
    expected = {name: [str(number), what, ", ".join(who)] for name, (number, what, who) in known().items()}
    for name, (number, has) in VALUES.items():
        who = ", ".join(profile.name for profile in all_profiles().values() if has(profile))
        expected[name] = [str(number), documented[name][2], who]

    assert {name: [row[0], row[2], row[5]] for name, row in documented.items()} == expected


def test_the_documentation_lists_every_profile():
    documented = [tuple(row) for row in modality_docs.rows("Profiles")]

    assert documented == [(one.name, one.kind or "any", one.title, one.about) for one in all_profiles().values()]


def test_every_kind_of_habit_and_every_quirk_has_a_profile():
    assert {number for profile in all_profiles().values() for number, _ in profile.quirks} == set(range(1, 23))
    assert [name for name, (_, _, who) in known().items() if not who] == []
    assert PLAIN.quirks == []


def test_every_kind_of_machine_has_a_profile():
    assert {"CT", "MR", "US", "DX", "MG", "RF", "NM", "XA", "PT", "CR"} <= {profile.kind for profile in all_profiles().values()}


def test_what_a_machine_has_is_told_by_number():
    numbered = all_profiles()["quill-spect"].quirks

    assert [number for number, _ in numbered] == [5, 10, 11]
    assert numbered[2][1] == "cancels a query after 20 answers"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[ct", "profiles.toml: Expected"),
        ("ct = 1", "profiles.toml: ct is no profile"),
        ("[ct]", "profiles.toml: ct has no title"),
        ('[plain]\ntitle = "P"', "is the name of the profile without quirks"),
        ('[ct]\ntitle = "C"\ntitel = "D"', "ct.titel: is no key of a profile (did you mean title?)"),
        ('[ct]\ntitle = "C"\nxyz = 1', "ct.xyz: is no key of a profile; there are title, "),
        ("[ct]\ntitle = 3", "ct.title: is no text"),
        ('[ct]\ntitle = "C"\nkind = "ct"', "ct.kind: 'ct' is no modality"),
        ('[ct]\ntitle = "C"\nreport_minutes = -1', "ct.report_minutes: is no whole number"),
        ('[ct]\ntitle = "C"\nreport_minutes = true', "ct.report_minutes: is no whole number"),
        ('[ct]\ntitle = "C"\nasks = "pregnancy"', "ct.asks: is no list of names"),
        ('[ct]\ntitle = "C"\nasks = ["pregnant"]', "ct.asks: 'pregnant' is not known (did you mean pregnancy?)"),
        ('[ct]\ntitle = "C"\nhabits = ["pregnancy"]', "ct.habits: 'pregnancy' is not known; there are group_lengths"),
        ('[ct]\ntitle = "C"\ntransfer_syntaxes = ["JPEG"]', "ct.transfer_syntaxes: 'JPEG' is not known"),
        ('[ct]\ntitle = "C"\ncharacter_set = "LATIN"', "ct.character_set: 'LATIN' is no defined term"),
    ],
)
def test_wrong_profiles_are_told_with_file_profile_key_and_reason(text: str, words: str):
    with pytest.raises(ProfileError) as error:
        profiles.read(text, "profiles.toml")

    assert words in str(error.value)


def test_all_that_is_wrong_is_told_at_once():
    with pytest.raises(ProfileError) as error:
        profiles.read('[a]\nb = 1\n[c]\ntitle = "C"\nkind = ""', "p.toml")

    assert [line.split(":")[1].strip() for line in str(error.value).splitlines()] == [
        "a has no title, which is what stands on the machine",
        "a.b",
        "c.kind",
    ]


def test_the_same_message_always_becomes_the_same_and_stays_as_it_was_for_the_others():
    item = worklist_item(PatientName="MÜLLER^Jürgen")
    created = performed.in_progress([item], CT01, NOW, "PPS1")
    ended = performed.final("COMPLETED", performed.what_is_done([item]), [], NOW)
    before = deepcopy(created)
    for name in TELLING:
        profile = Profile("odd", "Odd", tells=(name,))
        assert profile.created(created) == profile.created(created)
        assert profile.changed(ended, created) == profile.changed(ended, created)
    for name in ASKING:
        asked = Question(dates="20261127", modality="CT", patient_name="MÜLLER" if "caret" in name else "").identifier()
        assert Profile("odd", "Odd", asks=(name,)).asked(asked) != asked
    assert created == before


def test_what_a_machine_sends_can_be_kept_and_shown():
    created = performed.in_progress([worklist_item(PatientName="MÜLLER^Jürgen")], CT01, NOW, "PPS1")
    for profile in all_profiles().values():
        message = profile.created(created)
        query = profile.asked(Question.for_day("CT01", NOW.date()).identifier())
        assert json.loads(json.dumps([plain(message), plain(query)]))


def test_an_answer_without_identifiers_is_dropped_by_who_cannot_use_it():
    assert is_complete(worklist_item())
    assert not is_complete(worklist_item(StudyInstanceUID=""))
    assert not is_complete(worklist_item(RequestedProcedureID=""))
    assert not is_complete(Dataset())


def test_the_list_of_profiles_ends_quietly_when_nobody_reads_on():
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as unread:
        call_command("modality", "profiles", stdout=unread)
