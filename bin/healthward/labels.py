"""The classes of a run, in order of severity, their condition numbers, and codes that stand for them."""

import re
from collections.abc import Iterable

from healthward.wording import shown

NULL_CONDITION = 0
"""The condition number that stands for "no class given": the unconditional half of guidance."""

FEWEST, MOST = 2, 20
"""How many classes a run may have."""

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
LONGEST_NAME = 24
UNKNOWN = "unknown"
"""The label of a single scan that was given none: no class, and said by no sheet."""

TAKEN = {"all", "false", "inf", "infinity", "na", "nan", "none", "null", "true", UNKNOWN}
"""Words that tables and programs read as something else: as a number, as a missing value, as all classes together."""

NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?")
WHOLE_NUMBER = re.compile(r"0*([0-9]+)(\.0*)?")


class Classes(tuple[str, ...]):
    """The names of the classes of a run, from the healthy one to the most severe; see `parsed_classes`."""

    @property
    def healthy(self) -> str:
        """The first class, which counts as healthy where none is named."""
        return self[0]

    @property
    def codes_example(self) -> str:
        """What codes of these classes look like, as `parsed_codes` reads them."""
        few = dict.fromkeys((self[0], self[len(self) // 2], self[-1]))
        return ",".join(f"{number}={label}" for number, label in enumerate(few, start=1))

    def named(self, value: object) -> str:
        """Return the class that `value` names in any case.

        Raises:
            ValueError: `value` names no class; a number never does, since it says another one in each study.
        """
        text = str(value).strip()
        for label in self:
            if label.lower() == text.lower():
                return label
        number = ", and a number means another one in each study" if NUMBER.fullmatch(text) else ""
        raise ValueError(f"{shown(text)} is no class{number}; write one of {', '.join(self)}")

    def condition(self, label: str) -> int:
        """Return the network's condition number of a class: 1 for the first."""
        return self.index(label) + 1

    def among(self, labels: Iterable[str]) -> list[str]:
        """Return those classes that are among `labels`, in order of severity, and UNKNOWN last if it is."""
        found = set(labels)
        return [label for label in (*self, UNKNOWN) if label in found]


ADNI = Classes(("CN", "EMCI", "MCI", "LMCI", "AD"))
"""The classes of a run that names none."""

PROTOTYPE_CODES = {str(number): label for number, label in enumerate(ADNI, start=1)}
"""The numbers of the prototype's slice_label. Others number otherwise: 1, 2, 3 are CN, MCI, AD in ADNI's own tables."""


def is_class_name(name: object) -> bool:
    """Return whether a class may be called so."""
    sound = isinstance(name, str) and NAME.fullmatch(name) and len(name) <= LONGEST_NAME
    return bool(sound) and str(name).lower() not in TAKEN


def parsed_classes(text: str) -> Classes:
    """Return the classes that text such as "CN,MCI,AD" names, the healthy one first.

    Raises:
        ValueError: a name is none or stands there twice, or there are too few or too many.
    """
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name.lower() in TAKEN:
            raise ValueError(f"{shown(name)} means something else to programs and tables; call the class otherwise")
        if not is_class_name(name):
            form = f"letters, digits, _ and -, at most {LONGEST_NAME}, a letter first"
            raise ValueError(f"{shown(name)} is no name of a class; write {form}")
    first: dict[str, str] = {}
    for name in names:
        if name.lower() in first:
            raise ValueError(f"{shown(first[name.lower()])} and {shown(name)} are one name; give each class its own")
        first[name.lower()] = name
    if not FEWEST <= len(names) <= MOST:
        raise ValueError(f"{shown(text)} names {len(names)}; give {FEWEST} to {MOST} classes, the healthy one first")
    return Classes(names)


def are_classes(names: object) -> bool:
    """Return whether a list of JSON names classes."""
    try:
        return isinstance(names, list) and parsed_classes(",".join(names)) == tuple(names)
    except (TypeError, ValueError):
        return False


def plain_code(text: str) -> str:
    """Return a value of a label as codes call it: in lower case, and 1, 1.0 and 01 as 1."""
    whole = WHOLE_NUMBER.fullmatch(text)
    return whole[1] if whole else text.lower()


def parsed_codes(text: str, classes: Classes = ADNI) -> dict[str, str]:
    """Return the class that each value stands for, as `plain_code` calls it, from text such as "1=CN,2=MCI,3=AD".

    Raises:
        ValueError: the text is of another form, or a value stands for two classes.
    """
    codes: dict[str, str] = {}
    for pair in text.split(","):
        value, _, name = (part.strip() for part in pair.partition("="))
        if not value or name.lower() not in map(str.lower, classes):
            form = f"no value=CLASS; give pairs with commas between, such as {classes.codes_example}"
            raise ValueError(f"{shown(pair)} is {form}")
        if value.lower() in map(str.lower, classes) and value.lower() != name.lower():
            itself = classes.named(value)
            raise ValueError(f"{shown(value)} is the class {itself} and stands for no other; correct the labels")
        label = codes.setdefault(plain_code(value), classes.named(name))
        if label != classes.named(name):
            raise ValueError(f"{shown(value)} stands for both {label} and {classes.named(name)}; give one of them")
    return codes
