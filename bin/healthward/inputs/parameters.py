"""The parameters of a run, held against nextflow_schema.json and against each other."""

import math
import re
from collections.abc import Callable
from typing import Any

from jsonschema import Draft202012Validator

from healthward.inputs.bids_images import parsed_filter
from healthward.inputs.class_parameters import classes_and_model, codes_and_classes, compared_and_classes
from healthward.inputs.spaces import MNI, SCANNER
from healthward.names import METRICS, SCORES, current_scores
from healthward.wording import nearest, plain, printable, shown

TIMESTEPS = 1000
"""The length of the noise schedule."""

STEPS = ("strip", "bias", "register")
"""Of a preparation."""

Parameters = dict[str, Any]
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
BOUNDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "above {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "below {}",
}
KINDS = {"integer": "a whole number", "number": "a number", "boolean": "true or false", "string": "text"}


def properties(schema: Parameters) -> dict[str, Parameters]:
    """Return every parameter of the schema with its description, in the order of the groups."""
    return {name: entry for group in schema["$defs"].values() for name, entry in group["properties"].items()}


def completed(parameters: Parameters, schema: Parameters) -> Parameters:
    """Return every parameter in the type of the schema; what is missing, None or not valid by itself is the default.

    Nextflow hands over what its command line looks like: 64 for a list of one entry, text for a number in quotes.
    """
    values: Parameters = {}
    for name, entry in properties(schema).items():
        value = parameters.get(name)
        sound = value is not None and _is_sound(name, value, entry)
        values[name] = _as_declared(value, entry["type"]) if sound else entry.get("default")
    return values


def with_current_scores(parameters: Parameters) -> tuple[Parameters, list[str]]:
    """Return parameters with the names that scores have today, and a warning for each former one."""
    current, warnings = dict(parameters), list[str]()
    for name in ("scores", "calibrated_score"):
        if isinstance(parameters.get(name), str):
            current[name], former = current_scores(parameters[name], f"parameter {name}:")
            warnings += former
    return current, warnings


def _is_sound(name: str, value: Any, entry: Parameters) -> bool:
    return not _holds_control_character(name, value) and Draft202012Validator(entry).is_valid(
        _as_declared(value, entry["type"])
    )


def _holds_control_character(name: str, value: Any) -> bool:
    # JSON may be written over several lines; anything else ends up in one line of a shell
    return isinstance(value, str) and not value.isprintable() and name != "scan"


def _as_declared(value: Any, kind: str) -> Any:
    if isinstance(value, str):
        text = value.strip()
        if kind == "boolean" and text.lower() in ("true", "false"):
            return text.lower() == "true"
        if kind in ("integer", "number") and NUMBER.fullmatch(text):
            value = float(text)
            if not math.isfinite(value):
                return text
    elif kind == "string" and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if kind == "integer" and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def validate(
    parameters: Parameters,
    schema: Parameters,
    model_config: Parameters | None = None,
    beside: Parameters | None = None,
) -> list[str]:
    """Return a line for each parameter that is unknown, of the wrong type, out of range, or at odds with another.

    `model_config` is the config.json of the model folder that is used, if any. `beside` holds what options gave, which
    counts where the parameters do not say.
    """
    known = properties(schema)
    problems = _unknown(parameters, known)
    values = completed(parameters, schema)
    values |= {name: value for name, value in (beside or {}).items() if values[name] is None}
    wrong = set()
    for name, entry in known.items():
        given = parameters.get(name, entry.get("default"))
        if given is None and "default" not in entry:
            continue
        if given is not None and _is_sound(name, given, entry):
            continue
        wrong.add(name)
        value = "no value" if given is None else shown(given).lower() if isinstance(given, bool) else shown(given)
        if _holds_control_character(name, given):
            problems.append(f"parameter {name}: {value} contains a control character; remove it")
        else:
            problems.append(f"parameter {name}: {value} is not valid; give {_expected(entry)}")
    for names, rule in RULES:
        if not wrong.intersection(names):
            problems += [f"parameter {name}: {text}" for name, text in rule(values, model_config)]
    return problems


def _unknown(parameters: Parameters, known: dict[str, Parameters]) -> list[str]:
    problems = []
    seen = set()
    for name in parameters:
        # Nextflow keeps --noise-depth twice, as noise-depth and noiseDepth: one mistake of the user's
        if name in known or plain(name) in seen:
            continue
        seen.add(plain(name))
        near = nearest(name, known)
        mend = f"did you mean {near}?" if near else "remove it; --help lists what there is"
        problems.append(f"parameter {printable(name)}: {shown(name)} is no parameter; {mend}")
    return problems


def _expected(entry: Parameters) -> str:
    """Return in words what values a parameter takes, with its default."""
    default = f" (default {entry['default']})" if "default" in entry else ""
    if "errorMessage" in entry:
        return f"{entry['errorMessage']}{default}"
    if "enum" in entry:
        return f"one of {', '.join(entry['enum'])}{default}"
    bounds = [words.format(entry[key]) for key, words in BOUNDS.items() if key in entry]
    text = " ".join([KINDS[entry["type"]], " and ".join(bounds)]).rstrip()
    if "multipleOf" in entry:
        text += f", a multiple of {entry['multipleOf']}"
    return f"{text}{default}"


def slice_bounds(text: str) -> tuple[float, float]:
    """Return the two fractions of a slice_range such as "0.35,0.75"."""
    low, high = (float(part) for part in text.split(","))
    return low, high


def conforming(parameters: Parameters, model_config: Parameters | None) -> Parameters:
    """Return size, slice_range and fov that scans are conformed to, the space, and the steps of their preparation.

    The model's, which fixes them, or the run's.
    """
    wanted = preparing(parameters)
    space = model_space(parameters, model_config) or (SCANNER if wanted["register"] == "never" else MNI)
    steps = {"strip": wanted["strip"], "bias": wanted["bias"] != "never", "register": space == MNI}
    if model_config is not None:
        return {**{key: model_config[key] for key in ("size", "slice_range", "fov")}, "space": space, "steps": steps}
    return {
        "size": parameters["size"],
        "slice_range": list(slice_bounds(parameters["slice_range"])),
        "fov": parameters["fov"],
        "space": space,
        "steps": steps,
    }


def preparing(parameters: Parameters) -> dict[str, str]:
    """Return auto, always or never for each step of the preparation: its own, or that of all."""
    return {step: parameters[step] or parameters["prepare"] for step in STEPS}


def model_space(parameters: Parameters, model_config: Parameters | None) -> str | None:
    """Return the space that a model was trained in, None where there is no model; older ones do not say."""
    if model_config is not None:
        return model_config.get("space") or SCANNER
    return SCANNER if parameters["model"] is not None else None


Complaints = list[tuple[str, str]]
Rule = Callable[[Parameters, Parameters | None], Complaints]


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _is_pair(values: Parameters) -> bool:
    return str(values["model"]).lower().endswith((".pt", ".pth"))


def _one_cohort(values: Parameters, config: Parameters | None) -> Complaints:
    given = [name for name in ("input", "scan", "simulate") if values[name] is not None]
    if not given:
        return [("input", "no scans are given; give --input samplesheet.csv, --scan with --model, or --simulate 24")]
    if len(given) > 1:
        return [(given[1], f"{' and '.join(given)} are given at once; give one of them")]
    return []


def _scan_needs_model(values: Parameters, config: Parameters | None) -> Complaints:
    if values["scan"] is not None and values["model"] is None and not values["train_only"]:
        return [("scan", "a single scan cannot train a model; give one with --model")]
    return []


def _model_pair(values: Parameters, config: Parameters | None) -> Complaints:
    if values["embedding"] is not None and values["model"] is None:
        return [("embedding", "is given without a model; give the diffusion weights with --model x_diffusion.pt")]
    if values["embedding"] is not None and not _is_pair(values):
        return [("embedding", f"goes with a .pt model, not with {shown(values['model'])}; leave it out for a folder")]
    if values["model"] is not None and _is_pair(values) and values["embedding"] is None:
        return [("model", f"{shown(values['model'])} needs its second file; give it with --embedding x_emb.pt")]
    return []


def _train_only(values: Parameters, config: Parameters | None) -> Complaints:
    with_it = [name for name in ("model", "scan", "bids", "debug") if values["train_only"] and values[name]]
    return [("train_only", f"true excludes {name}; leave out one of the two") for name in with_it]


def _depths(values: Parameters, config: Parameters | None) -> Complaints:
    given = _numbers(values["noise_depths"]) if values["tune"] else []
    tried = [values | {"noise_depth": depth} for depth in given]
    complaints = [text for each in tried for _, text in (*_depth(each, config), *_steps(each, config))]
    if not all(float(scale) > 0 for scale in values["guidance_scales"].split(",")):
        return [("guidance_scales", f"{values['guidance_scales']!r} holds a 0, which is no guidance; give others")]
    return [("noise_depths", text) for text in complaints]


def _depth(values: Parameters, config: Parameters | None) -> Complaints:
    if config is not None:
        limit, origin = config["max_timestep"], "the model's max_timestep"
    elif values["model"] is not None:
        limit, origin = TIMESTEPS, "the length of the schedule"
    else:
        limit, origin = values["max_timestep"], "max_timestep"
    depth = values["noise_depth"]
    if depth >= limit:
        return [("noise_depth", f"{depth} is not below {limit}, {origin}; give a number from 1 to {limit - 1}")]
    return []


def _steps(values: Parameters, config: Parameters | None) -> Complaints:
    steps, most = values["ddim_steps"], values["noise_depth"] + 1
    if steps > most:
        return [("ddim_steps", f"{steps} is more than noise_depth + 1; give a number from 1 to {most}")]
    return []


def _preparation(values: Parameters, config: Parameters | None) -> Complaints:
    space, register = model_space(values, config), preparing(values)["register"]
    name = "register" if values["register"] is not None else "prepare"
    if space == MNI and register == "never":
        return [(name, f"never leaves scans where they are, and the model was trained in {MNI}; leave it out")]
    if space == SCANNER and values["register"] == "always":
        text = f"always brings scans into {MNI}, and the model was trained on heads as they lay in the scanner"
        return [("register", f"{text}; leave it out, or train anew")]
    return []


def _slices(values: Parameters, config: Parameters | None) -> Complaints:
    low, high = slice_bounds(values["slice_range"])
    if not 0 <= low < high <= 1:
        return [("slice_range", f"{values['slice_range']!r} is no range; give two fractions, 0 ≤ low < high ≤ 1")]
    if (high - low) * values["size"] < 1:
        text = f"{values['slice_range']!r} holds no whole slice of {values['size']}; give a wider range"
        return [("slice_range", text)]
    return []


def _levels(values: Parameters, config: Parameters | None) -> Complaints:
    channels, attention = _numbers(values["channels"]), _numbers(values["attention_levels"])
    complaints = []
    if len(channels) != len(attention):
        text = f"{values['attention_levels']!r} has {len(attention)} entries, channels {values['channels']!r} has"
        complaints.append(("attention_levels", f"{text} {len(channels)}; give one for each level"))
    unit = values["head_channels"]
    complaints += [
        ("channels", f"{count} is no multiple of head_channels, {unit}; give one")
        for count in dict.fromkeys(channels)
        if count % unit
    ]
    halvings = 2 ** (len(channels) - 1)
    if values["size"] % halvings:
        text = f"{values['size']} cannot be halved {len(channels) - 1} times for {len(channels)} levels of channels"
        complaints.append(("size", f"{text}; give a multiple of {halvings}"))
    return complaints


def _fractions(values: Parameters, config: Parameters | None) -> Complaints:
    total = values["validation_fraction"] + values["test_fraction"]
    if total >= 1:
        text = f"{values['test_fraction']} with validation_fraction {values['validation_fraction']} leaves nothing"
        return [("test_fraction", f"{text} to train on; give two that add up to less than 1")]
    return []


def _metrics(values: Parameters, config: Parameters | None) -> Complaints:
    complaints = []
    for name in [] if values["metrics"] is None else values["metrics"].split(","):
        if name not in METRICS:
            near = nearest(name, METRICS)
            mend = f"did you mean {near}?" if near else f"give some of {','.join(METRICS)}"
            complaints.append(("metrics", f"{name!r} is no metric; {mend}"))
    return complaints


def _scores(values: Parameters, config: Parameters | None) -> Complaints:
    names = values["scores"].split(",")
    complaints = []
    for name in names:
        if name not in SCORES:
            near = nearest(name, SCORES)
            mend = f"did you mean {near}?" if near else f"give some of {','.join(SCORES)}"
            complaints.append(("scores", f"{name!r} is no score; {mend}"))
    lacking = [name for name in ("round_trip", values["calibrated_score"]) if name not in names]
    if lacking:
        text = f"{values['scores']!r} lacks {' and '.join(lacking)}, which calibration needs; add it"
        complaints.append(("scores", text))
    return complaints


def _t1w_filter(values: Parameters, config: Parameters | None) -> Complaints:
    try:
        if values["t1w_filter"] is not None:
            parsed_filter(values["t1w_filter"])
    except ValueError as error:
        return [("t1w_filter", str(error))]
    return []


def _pseudonyms(values: Parameters, config: Parameters | None) -> Complaints:
    if values["pseudonymise"] and values["pseudonym_salt"] is None:
        return [("pseudonymise", "true needs a secret; give --pseudonym_salt, at least 8 characters")]
    if values["pseudonym_salt"] is not None and not values["pseudonymise"]:
        return [("pseudonym_salt", "is given without --pseudonymise, so that ids stay as they are; give that, too")]
    return []


def _atlas(values: Parameters, config: Parameters | None) -> Complaints:
    pair = ("atlas", "atlas_names")
    return [
        (given, f"{shown(values[given])} is given alone; give {lacking}, too")
        for given, lacking in (pair, pair[::-1])
        if values[given] is not None and values[lacking] is None
    ]


def _gpus(values: Parameters, config: Parameters | None) -> Complaints:
    gpus = values["gpus"]
    if gpus > values["batch_size"]:
        return [("gpus", f"{gpus} cannot share a batch_size of {values['batch_size']}; give each a slice at least")]
    if gpus > 1 and values["device"] == "mps":
        return [("gpus", f"{gpus} are more than the one GPU of an Apple machine; leave it out")]
    return []


RULES: tuple[tuple[tuple[str, ...], Rule], ...] = (
    (("input", "scan", "simulate"), _one_cohort),
    (("scan", "model", "train_only"), _scan_needs_model),
    (("model", "embedding"), _model_pair),
    (("train_only", "model", "scan", "bids", "debug"), _train_only),
    (("noise_depth", "max_timestep", "model"), _depth),
    (("ddim_steps", "noise_depth"), _steps),
    (("noise_depths", "guidance_scales", "tune", "ddim_steps", "max_timestep", "model"), _depths),
    (("prepare", "register", "model"), _preparation),
    (("slice_range", "size"), _slices),
    (("channels", "attention_levels", "head_channels", "size"), _levels),
    (("validation_fraction", "test_fraction"), _fractions),
    (("classes", "simulate"), classes_and_model),
    (("label_codes", "classes"), codes_and_classes),
    (("t1w_filter",), _t1w_filter),
    (("metrics",), _metrics),
    (("scores", "calibrated_score"), _scores),
    (("disease", "healthy", "classes"), compared_and_classes),
    (("pseudonymise", "pseudonym_salt"), _pseudonyms),
    (("atlas", "atlas_names"), _atlas),
    (("gpus", "batch_size", "device"), _gpus),
)
"""The rules between parameters, each with those whose own values must be valid for it to make sense."""
