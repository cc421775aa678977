import pytest

from ris import networks

HELD = networks.parsed(networks.listed(["10.0.0.5", "192.168.1.0/24", "fd00::/64", "fe80::1"]))


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ([" 10.0.0.5 ", "", "10.0.0.5"], ["10.0.0.5"]),
        (["10.0.0.5/32", "10.0.0.0/24"], ["10.0.0.5", "10.0.0.0/24"]),
        (["10.0.0.0/255.255.255.0"], ["10.0.0.0/24"]),
        (["FD00:0:0::5", "fd00::/64"], ["fd00::5", "fd00::/64"]),
        (["::ffff:10.0.0.5"], ["10.0.0.5"]),
        ([], []),
    ],
)
def test_a_list_is_kept_in_one_form(typed: list[str], kept: list[str]) -> None:
    assert networks.listed(typed) == kept


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("ct1.hospital.example", "'ct1.hospital.example', which is no address and no network"),
        ("10.0.0", "'10.0.0', which is no address"),
        ("10.0.0.256", "which is no address"),
        ("10.0.0.0/33", "which is no address"),
        ("fe80::1%eth0", "which is no address"),
        ("10.0.0.5/24", "'10.0.0.5/24', one address with the mask of a network; write 10.0.0.0/24, or the address alone"),
    ],
)
def test_what_is_no_address_is_refused_in_words(typed: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        networks.listed(["10.0.0.1", typed])


def test_a_list_has_an_end() -> None:
    many = [f"10.0.0.{number}" for number in range(networks.MOST + 1)]
    with pytest.raises(ValueError, match="has 65 addresses, at most 64 are kept; write a network"):
        networks.listed(many)
    assert len(networks.listed(many[1:])) == networks.MOST


@pytest.mark.parametrize(
    ("address", "held"),
    [
        ("10.0.0.5", True),
        ("10.0.0.6", False),
        ("192.168.1.200", True),
        ("192.168.2.1", False),
        ("::ffff:192.168.1.7", True),
        ("::ffff:10.0.0.6", False),
        ("fd00::77", True),
        ("fd01::77", False),
        ("fe80::1%eth0", True),
        ("", False),
    ],
)
def test_an_address_is_looked_for_in_every_network_of_its_family(address: str, held: bool) -> None:
    assert networks.hold(HELD, address) is held
