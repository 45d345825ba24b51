"""The five diagnostic classes of ADNI, in order of severity, and their condition numbers."""

CLASSES = ("CN", "EMCI", "MCI", "LMCI", "AD")

NULL_CONDITION = 0
"""The condition number that stands for "no class told": the unconditional half of guidance."""


def parse_label(value: object) -> str:
    """Return the class named by `value`: a name in any case, or a number 1..5.

    Raises:
        ValueError: `value` names no class.
    """
    text = str(value).strip().upper()
    if text in CLASSES:
        return text
    if text in {str(number) for number in range(1, len(CLASSES) + 1)}:
        return CLASSES[int(text) - 1]
    raise ValueError(f"label {value!r} is none of {', '.join(CLASSES)} (any case) or 1..{len(CLASSES)}")


def condition_number(label: str) -> int:
    """Return the model's condition number of a class: CN is 1, AD is 5."""
    return CLASSES.index(label) + 1
