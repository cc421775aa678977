"""What forms say of a field that is not filled in as it should be, where the field has no words of its own: the product's, not Django's."""

from typing import Final

from django import forms

_WORDS: Final = {
    "required": "Fill this in",
    "max_length": "Holds %(show_value)d characters; at most %(limit_value)d are kept",
    "min_length": "Holds %(show_value)d characters; at least %(limit_value)d are needed",
    "max_value": "Is more than %(limit_value)s, the most that is taken",
    "min_value": "Is less than %(limit_value)s, the least that is taken",
    "null_characters_not_allowed": "Holds a character that cannot be typed; type it again as plain text",
    "invalid_choice": "“%(value)s” is not in the list; choose one that is",
    "invalid_list": "Choose from the list",
}
_OF_NUMBERS: Final = {"invalid": "Write a whole number, in digits"}
_OF_CHOICES: Final = {"required": "Choose one"}


def word(field: forms.Field) -> None:
    """Give the field these words for whatever it does not say itself."""
    words = _WORDS | (_OF_NUMBERS if type(field) is forms.IntegerField else {})
    words |= _OF_CHOICES if isinstance(field, forms.ChoiceField) else {}
    defaults = _of_django(field)
    for code, said in words.items():
        if str(field.error_messages.get(code, "")) in ("", defaults.get(code)):
            field.error_messages[code] = said


def _of_django(field: forms.Field) -> dict[str, str]:
    kinds = [kind for kind in reversed(type(field).__mro__) if kind.__module__.startswith("django.")]
    return {code: str(said) for kind in kinds for code, said in vars(kind).get("default_error_messages", {}).items()}
