"""What parameters say of classes; `RULES` of `healthward.inputs.parameters` lists the rules of this file."""

from collections.abc import Sequence
from typing import Any

from healthward.labels import Classes, parsed_classes, parsed_codes

Parameters = dict[str, Any]
Complaints = list[tuple[str, str]]


def classes_of(values: Parameters) -> Classes | None:
    """Return the classes of a run; None for text that names none, which is a problem of its own."""
    try:
        return parsed_classes(str(values["classes"]))
    except ValueError:
        return None


def other_classes(given: Sequence[str], of_model: Sequence[str]) -> str:
    """Return what is wrong with classes other than those by whose order a model knows them."""
    return f"{','.join(given)!r} are not the classes of the model; give {','.join(of_model)}"


def classes_and_model(values: Parameters, config: Parameters | None) -> Complaints:
    """Hold the classes against those of the model's config.json, and against how many people are simulated."""
    try:
        classes = parsed_classes(values["classes"])
    except ValueError as error:
        return [("classes", str(error))]
    if config is not None and classes != Classes(config["classes"]):
        return [("classes", other_classes(classes, config["classes"]))]
    subjects = values["simulate"]
    if subjects is not None and subjects < len(classes):
        return [("simulate", f"{subjects} are too few for {len(classes)} classes; give {len(classes)} at least")]
    return []


def codes_and_classes(values: Parameters, config: Parameters | None) -> Complaints:
    """Hold the codes of labels against the classes."""
    classes = classes_of(values)
    try:
        if values["label_codes"] is not None and classes is not None:
            parsed_codes(values["label_codes"], classes)
    except ValueError as error:
        return [("label_codes", str(error))]
    return []


def compared_and_classes(values: Parameters, config: Parameters | None) -> Complaints:
    """Hold the two classes that a run compares against the classes that there are, and against each other."""
    classes = classes_of(values)
    if classes is None:
        return []
    strange = [
        (name, f"{values[name]!r} is none of the classes; give one of {', '.join(classes)}")
        for name in ("healthy", "disease")
        if values[name] is not None and values[name] not in classes
    ]
    if not strange and values["disease"] == (values["healthy"] or classes.healthy):
        return [("disease", f"{values['disease']!r} is the healthy class, too; give another one")]
    return strange
