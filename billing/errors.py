"""What can go wrong between a charge and its receiver, split by what the sender does next."""


class DeliveryError(Exception):
    """Nothing is known to be booked; the message of the error says why in words."""


class NoAnswer(DeliveryError):
    """No acknowledgement in time, though the message may have arrived: it is sent again later, the same."""


class NotReached(NoAnswer):
    """Not a byte of the message left: nobody can have it, and the same message is sent again later."""


class Garbled(DeliveryError):
    """Something was received that is not the acknowledgement of this message: the same message is sent again later."""


class Refused(DeliveryError):
    """The receiver read the message and will not book it (MSA-1 AE, AR, CE or CR): a person has to look at it."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}" if text else f"{code} without a text")
        self.code = code
        self.text = text
