"""The five diagnostic classes of ADNI, in order of severity, their condition numbers, and codes that stand for them."""

import re

from healthward.wording import shown

CLASSES = ("CN", "EMCI", "MCI", "LMCI", "AD")

NULL_CONDITION = 0
"""The condition number that stands for "no class told": the unconditional half of guidance."""

PROTOTYPE_CODES = {str(number): label for number, label in enumerate(CLASSES, start=1)}
"""The numbers of the prototype's slice_label. Others number otherwise: 1, 2, 3 are CN, MCI, AD in ADNI's own tables."""

NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?")
WHOLE_NUMBER = re.compile(r"0*([0-9]+)(\.0*)?")


def parse_label(value: object) -> str:
    """Return the class that `value` names in any case.

    Raises:
        ValueError: `value` names no class; a number never does, since it says another one in each study.
    """
    text = str(value).strip()
    if text.upper() in CLASSES:
        return text.upper()
    number = ", and a number means another one in each study" if NUMBER.fullmatch(text) else ""
    raise ValueError(f"{shown(text)} is no class{number}; write one of {', '.join(CLASSES)}")


def plain_code(text: str) -> str:
    """Return a value of a label as codes call it: in lower case, and 1, 1.0 and 01 as 1."""
    whole = WHOLE_NUMBER.fullmatch(text)
    return whole[1] if whole else text.lower()


def parsed_codes(text: str) -> dict[str, str]:
    """Return the class that each value stands for, as `plain_code` calls it, from text such as "1=CN,2=MCI,3=AD".

    Raises:
        ValueError: the text is of another form, or a value stands for two classes.
    """
    codes: dict[str, str] = {}
    for pair in text.split(","):
        value, _, name = (part.strip() for part in pair.partition("="))
        if not value or name.upper() not in CLASSES:
            raise ValueError(
                f"{shown(pair)} is no value=CLASS; give pairs with commas between, such as 1=CN,2=MCI,3=AD"
            )
        if value.upper() in CLASSES and value.upper() != name.upper():
            raise ValueError(f"{shown(value)} is the class {value.upper()} and stands for no other; correct the labels")
        label = codes.setdefault(plain_code(value), name.upper())
        if label != name.upper():
            raise ValueError(f"{shown(value)} stands for both {label} and {name.upper()}; give one of them")
    return codes


def condition_number(label: str) -> int:
    """Return the model's condition number of a class: CN is 1, AD is 5."""
    return CLASSES.index(label) + 1
