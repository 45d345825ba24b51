"""What the field calls healthy people and patients, by which a class at the wrong place is noticed."""

import re

from healthward.labels import Classes
from healthward.wording import plain

HEALTH = {"cn", "hc", "nc", "nl", "con", "ctl", "ctrl", "ctr", "cu", "hv", "norm", "normal", "nondemented"} | {
    *("control", "controls", "healthy", "health", "healthycontrol", "healthycontrols", "normalcontrol"),
    *("cognitivelynormal", "unaffected", "volunteer"),
}
DISEASE = {
    *("ad", "mci", "emci", "lmci", "pd", "ms", "ftd", "dlb", "als", "hd", "vad", "scz", "tbi", "glioma", "lesion"),
    *("pat", "patient", "patients", "case", "cases", "disease", "diseased", "ill", "affected", "pathology", "tumor"),
    *("tumour", "stroke", "epilepsy", "dem", "dementia", "demented", "alz", "alzheimer", "alzheimers", "parkinson"),
}
"""Words of the field for the healthy and for the ill, as `plain` writes them."""

NEGATED = re.compile(f"(?<![a-z])(non|not)[ _.-]?({'|'.join(sorted(DISEASE))})(?![a-z])", re.IGNORECASE)
CAMEL_WORD = "[A-Z]?[a-z]+|[A-Z]+(?![a-z])"
"""non-demented says health; VeryMildDemented holds a word of disease."""

STAGES = ("cn", "smc", "scd", "emci", "mci", "lmci", "ad")
"""Classes of studies of Alzheimer's disease, from healthy to most severe."""


def says_health(name: str) -> bool:
    """Return whether the field calls healthy people so."""
    return plain(name) in HEALTH


def side(name: str) -> str:
    """Return "health" or "disease", what a name says by its only word of either kind; empty where it says neither."""
    name = NEGATED.sub("healthy", name)
    words = {plain(name), *(plain(word) for word in re.findall("[A-Za-z]+", name) + re.findall(CAMEL_WORD, name))}
    sides = {"health": words & HEALTH, "disease": words & DISEASE}
    said = [each for each, found in sides.items() if found]
    return said[0] if len(said) == 1 else ""


def compared(classes: Classes, healthy: str, disease: str) -> str:
    """Return in a line which class counts as healthy, which as the disease, and which others there are."""
    others = [label for label in classes if label not in (healthy, disease)]
    rest = f"; other classes: {', '.join(others)}" if others else ""
    return f"healthy: {healthy}; disease: {disease or 'none'}{rest}"


def doubted_order(classes: Classes) -> str:
    """Return what is perhaps wrong with the order of severity of the classes, empty where nothing says so."""
    known = [label for label in classes if plain(label) in STAGES]
    if known == sorted(known, key=lambda label: STAGES.index(plain(label))):
        return ""
    return f"{', '.join(known)} are not from healthy to most severe, the default --disease: order --classes so"


def doubted_health(classes: Classes, healthy: str) -> str:
    """Return why `healthy` is perhaps not the healthy one of the classes, empty where nothing says so."""
    others = [label for label in classes if label != healthy and says_health(label)]
    if plain(healthy) in DISEASE:
        reason = f"{healthy} is a disease by its name"
    elif others and not says_health(healthy):
        reason = f"{others[0]} is a name of health, too"
    else:
        return ""
    mend = "let --classes begin with the healthy one, or name it with --healthy"
    return f"{reason}, and {healthy} counts as the healthy class: {mend}"
