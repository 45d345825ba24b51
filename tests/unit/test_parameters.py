"""Parameters: unknown names, types, ranges and the rules between them."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from healthward.inputs.fields import UNSAFE_CHARACTERS
from healthward.inputs.parameters import completed, conforming, properties, validate
from healthward.labels import ADNI
from healthward.names import METRICS

SCHEMA = json.loads((Path(__file__).parents[2] / "nextflow_schema.json").read_text(encoding="utf-8"))
PROPERTIES = properties(SCHEMA)
DEFAULTS = {name: entry.get("default") for name, entry in PROPERTIES.items()}
CONFIG = {"size": 64, "slice_range": [0.4, 0.7], "fov": 180.0, "max_timestep": 300, "classes": list(ADNI)}


def problems(config: dict[str, Any] | None = None, **given: Any) -> list[str]:
    return validate(DEFAULTS | {"input": "sheet.csv"} | given, SCHEMA, config)


def test_the_defaults_with_an_input_are_valid() -> None:
    assert problems() == []


def test_a_missing_parameter_takes_its_default() -> None:
    assert validate({"input": "sheet.csv"}, SCHEMA) == []
    assert completed({}, SCHEMA) == DEFAULTS


VALID = [
    {"input": "data/my cohort/dataset.json"},
    {"input": "data/ds000114-1.0", "bids": True, "debug": True},
    {"input": None, "simulate": 24},
    {"input": None, "scan": '{"image": "a.nii",\n"label": 5}', "model": "results/model"},
    {"model": "x_diffusion.pt", "embedding": "x_emb.pt"},
    {"model": "x_diffusion.pt", "embedding": "x_emb.pt", "noise_depth": 999},
    {"channels": 64, "attention_levels": 1},
    {"channels": "32,64", "attention_levels": "0,1", "size": 32},
    {"size": "64", "learning_rate": "1e-5", "train_only": "true"},
    {"iterations": 500.0},
    {"metrics": "ssim,fid"},
    {"noise_depth": 399, "ddim_steps": 400},
    {"max_memory": "16.GB", "max_time": "24.h", "max_cpus": 8},
    {"max_memory": "16 GB", "max_time": "1d 6h"},
    {"slice_range": "0,1"},
]


@pytest.mark.parametrize("given", VALID, ids=[", ".join(given) for given in VALID])
def test_what_a_user_may_write_is_valid(given: dict[str, Any]) -> None:
    assert problems(**given) == []


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("guidance", "guidance_scale"),
        ("guidance-scale", "guidance_scale"),
        ("guidanceScale", "guidance_scale"),
        ("batchsize", "batch_size"),
        ("imput", "input"),
        ("lr_warmup", "warmup"),
        ("noisedepth", "noise_depth"),
        ("ddim_step", "ddim_steps"),
    ],
)
def test_an_unknown_parameter_suggests_the_nearest_name(name: str, near: str) -> None:
    [line] = problems(**{name: 3})
    assert line == f"parameter {name}: {name!r} is no parameter; did you mean {near}?"


def test_a_parameter_like_no_other_points_to_the_help() -> None:
    [line] = problems(qqqq=1)
    assert "--help lists" in line


def test_the_two_spellings_that_nextflow_keeps_of_a_name_with_dashes_are_one_problem() -> None:
    assert len(problems(**{"noise-depth": 3, "noiseDepth": 3})) == 1


def test_settings_to_choose_among_must_all_be_possible() -> None:
    lines = problems(tune=True, noise_depths="5,249,400")
    assert lines == [
        "parameter noise_depths: 8 is more than noise_depth + 1; give a number from 1 to 6",
        "parameter noise_depths: 400 is not below 400, max_timestep; give a number from 1 to 399",
    ]
    assert problems(tune=False, noise_depths="5,249,400") == []


INVALID = [
    ("size", 20, "20 is not valid; give a whole number at least 32 and at most 512, a multiple of 8 (default 128)"),
    ("size", 100, "a multiple of 8"),
    ("size", 128.5, "128.5 is not valid; give a whole number"),
    ("size", "big", "'big' is not valid; give a whole number"),
    ("size", True, "true is not valid; give a whole number"),
    ("size", None, "no value is not valid; give a whole number"),
    ("fov", 20, "a number at least 50 and at most 500 (default 192.0)"),
    ("simulate", 4, "4 is not valid; give a whole number at least 5 and at most"),
    ("simulate", True, "true is not valid; give a whole number at least 5 and at most"),
    ("input", True, "true is not valid; give a path that ends in .csv or .json"),
    ("input", "sheet*.csv", "a BIDS dataset's folder, without control characters"),
    ("input", "$(id).csv", "without control characters, quotes, $"),
    ("outdir", "results/*", "give a folder's path, without control characters"),
    ("outdir", "results\n", "contains a control character; remove it"),
    ("checkpoints", "`id`", "give a folder's path"),
    ("slice_range", "0.35", "give two fractions with a comma and no space between them, such as 0.35,0.75"),
    ("slice_range", 0.35, "0.35 is not valid; give two fractions"),
    ("slice_range", "0.75,0.35", "0 ≤ low < high ≤ 1"),
    ("slice_range", "0.5,1.5", "0 ≤ low < high ≤ 1"),
    ("slice_range", "0.5,0.501", "holds no whole slice of 128"),
    ("validation_fraction", 1.0, "a number at least 0 and at most 0.9"),
    ("test_fraction", 0.85, "0.85 with validation_fraction 0.15 leaves nothing to train on"),
    ("channels", "64,,64", "give whole numbers with commas"),
    ("channels", "64, 64, 64", "no spaces"),
    ("channels", "64,64,64;id", "give whole numbers with commas"),
    ("channels", "64,64,40", "40 is no multiple of head_channels, 16"),
    ("channels", "64,64", "channels '64,64' has 2; give one for each level"),
    ("head_channels", 64, None),
    ("head_channels", 24, "64 is no multiple of head_channels, 24"),
    ("attention_levels", "0,2,1", "give 0 or 1 for each level"),
    ("learning_rate", 0, "0 is not valid; give a number above 0 and at most 1 (default 0.0001)"),
    ("ema_decay", 1, "give a number at least 0 and below 1"),
    ("learning_rate", "1e999", "'1e999' is not valid"),
    ("condition_dropout", 1, "give a number above 0 and below 1"),
    ("max_timestep", 1001, "at least 1 and at most 1000"),
    ("noise_depth", 400, "400 is not below 400, max_timestep; give a number from 1 to 399"),
    ("max_timestep", 200, "249 is not below 200, max_timestep; give a number from 1 to 199"),
    ("ddim_steps", 251, "251 is more than noise_depth + 1; give a number from 1 to 250"),
    ("healthy", "cn", "'cn' is none of the classes; give one of CN, EMCI, MCI, LMCI, AD"),
    ("device", "gpu", "give one of auto, cuda, mps, cpu (default auto)"),
    ("metrics", "ssim,ms-ssim", "'ms-ssim' is no metric; did you mean ms_ssim?"),
    ("metrics", "ssim,qqqq", f"give some of {','.join(METRICS)}"),
    ("metrics", "", "'' is no metric"),
    ("classes", "CN", "'CN' is not valid; give two names or more with commas and no spaces between them"),
    ("classes", "CN, AD", "no spaces between them"),
    ("classes", "1,2", "'1,2' is not valid; give two names or more"),
    ("classes", "CN,,AD", "'CN,,AD' is not valid; give two names or more"),
    ("classes", "CN,A$D", "'CN,A$D' is not valid; give two names or more"),
    ("classes", "CN,cn", "'CN' and 'cn' are one name; give each class its own"),
    ("classes", "CN,nan", "'nan' means something else to programs and tables"),
    ("classes", "HC,AD", None),
    ("healthy", "HC", "'HC' is none of the classes; give one of CN, EMCI, MCI, LMCI, AD"),
    ("disease", "5", "'5' is not valid; give one of the classes"),
    ("disease", "CN", "'CN' is the healthy class, too; give another one"),
    ("scores", "round_trip,likeness,anomly", "'anomly' is no score; did you mean anomaly?"),
    ("scores", "anomaly,likeness", "'anomaly,likeness' lacks round_trip, which calibration needs; add it"),
    ("calibrated_score", "forward", "lacks forward, which calibration needs; add it"),
    ("calibrated_score", "best", "give one of round_trip, anomaly"),
    ("atlas", "atlas.nii.gz", "'atlas.nii.gz' is given alone; give atlas_names, too"),
    ("atlas_names", "$(id).tsv", "a file's path"),
    ("guidance_scales", "0,3", "'0,3' holds a 0, which is no guidance; give others"),
    ("noise_depths", "149;249", "give whole numbers with commas between them"),
    ("max_memory", "16", "give an amount with its unit"),
    ("max_time", 24, "24 is not valid; give a duration with its unit"),
    ("train_only", "yes", "'yes' is not valid; give true or false (default False)"),
    ("seed", -1, "-1 is not valid; give a whole number at least 0"),
    ("embedding", "e.pt", "is given without a model"),
    ("model", "x_diffusion.pt", "needs its second file; give it with --embedding"),
    ("simulate", 24, "input and simulate are given at once; give one of them"),
    ("scan", "{}", "input and scan are given at once; give one of them"),
    ("input", None, "no scans are given; give --input"),
]


@pytest.mark.parametrize(("name", "value", "part"), INVALID)
def test_an_invalid_value_is_one_line_with_the_mend(name: str, value: Any, part: str | None) -> None:
    found = problems(**{name: value})
    if part is None:
        assert found == []
        return
    assert sum(part in line for line in found) == 1, found
    assert all(line.startswith("parameter ") and line.isprintable() for line in found)


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ({"input": None, "scan": "{}"}, "parameter scan: a single scan cannot train a model"),
        ({"train_only": True, "bids": True}, "parameter train_only: true excludes bids"),
        ({"train_only": True, "model": "m"}, "parameter train_only: true excludes model"),
        ({"input": None, "train_only": True, "scan": "{}"}, "parameter train_only: true excludes scan"),
        ({"classes": "HC,AD", "disease": "HC"}, "parameter disease: 'HC' is the healthy class, too"),
        ({"classes": "HC,AD", "healthy": "CN"}, "parameter healthy: 'CN' is none of the classes; give one of HC, AD"),
        ({"classes": "HC,AD", "label_codes": "1=CN"}, "parameter label_codes: '1=CN' is no value=CLASS"),
        (
            {"input": None, "simulate": 5, "classes": "A,B,C,D,E,F"},
            "parameter simulate: 5 are too few for 6 classes; give 6 at least",
        ),
        ({"model": "folder", "embedding": "e.pt"}, "parameter embedding: goes with a .pt model, not with 'folder'"),
        ({"channels": "64,64,64,64,64", "attention_levels": "0,0,0,0,1", "size": 40}, "give a multiple of 16"),
    ],
)
def test_parameters_at_odds_with_each_other_are_one_line(given: dict[str, Any], part: str) -> None:
    [line] = problems(**given)
    assert part in line


def test_a_model_sets_the_depth() -> None:
    assert problems(CONFIG, model="m", noise_depth=299) == []
    [line] = problems(CONFIG, model="m", noise_depth=300)
    assert "300 is not below 300, the model's max_timestep" in line


def test_a_model_fixes_the_classes() -> None:
    assert problems(CONFIG | {"classes": ["HC", "AD"]}, model="m", classes="HC,AD") == []
    [line] = problems(CONFIG | {"classes": ["HC", "AD"]}, model="m")
    assert line == "parameter classes: 'CN,EMCI,MCI,LMCI,AD' are not the classes of the model; give HC,AD"


def test_an_invalid_value_counts_as_the_default_for_what_follows() -> None:
    values = completed({"seed": "7", "test_fraction": "many", "outdir": "a\nb"}, SCHEMA)
    assert (values["seed"], values["test_fraction"], values["outdir"]) == (7, 0.15, "results")


def test_an_invalid_value_is_not_blamed_twice() -> None:
    assert len(problems(noise_depth="deep")) == 1
    assert len(problems(size=20, channels="x")) == 2


def test_all_problems_come_at_once() -> None:
    lines = problems(sise=1, size=20, guidance_scale="x", ddim_steps=300, metrics="a,b")
    assert [line.split(":")[0] for line in lines] == [
        "parameter sise",
        "parameter size",
        "parameter guidance_scale",
        "parameter ddim_steps",
        "parameter metrics",
        "parameter metrics",
    ]


def test_conforming_comes_from_the_model_before_the_parameters() -> None:
    own, models = conforming(DEFAULTS, None), conforming(DEFAULTS, CONFIG)
    assert (own["size"], own["slice_range"], own["fov"], own["space"]) == (128, [0.35, 0.75], 192.0, "MNI152")
    assert (models["size"], models["slice_range"], models["fov"], models["space"]) == (64, [0.4, 0.7], 180.0, "scanner")
    assert conforming(DEFAULTS, CONFIG | {"space": "MNI152"})["space"] == "MNI152"


@pytest.mark.parametrize(
    ("given", "space", "steps"),
    [
        ({}, "MNI152", {"strip": "auto", "bias": True, "register": True}),
        ({"prepare": "always", "bias": "never"}, "MNI152", {"strip": "always", "bias": False, "register": True}),
        ({"prepare": "never", "strip": "auto"}, "scanner", {"strip": "auto", "bias": False, "register": False}),
    ],
)
def test_each_step_of_the_preparation_is_its_own_or_that_of_all(given, space, steps):
    found = conforming(DEFAULTS | given, None)
    assert (found["space"], found["steps"]) == (space, steps)


def test_a_model_is_used_in_the_space_that_it_was_trained_in():
    assert conforming(DEFAULTS, CONFIG)["steps"] == {"strip": "auto", "bias": True, "register": False}
    given = {"model": "m", "input": "a.csv"}
    [problem] = validate(given | {"register": "always"}, SCHEMA, CONFIG)
    assert problem.startswith("parameter register: always brings scans into MNI152, and the model was trained on heads")
    for name in ("prepare", "register"):
        [problem] = validate(given | {name: "never"}, SCHEMA, CONFIG | {"space": "MNI152"})
        assert problem.startswith(f"parameter {name}: never leaves scans where they are")


@pytest.mark.parametrize("name", PROPERTIES)
def test_the_schema_describes_every_parameter_and_accepts_its_default(name: str) -> None:
    entry = PROPERTIES[name]
    Draft202012Validator.check_schema(entry)
    assert entry["description"].endswith(".")
    if "default" in entry:
        assert Draft202012Validator(entry).is_valid(entry["default"])
    if "pattern" in entry:
        assert "errorMessage" in entry


def test_the_groups_are_all_referred_to_in_order() -> None:
    assert [part["$ref"] for part in SCHEMA["allOf"]] == [f"#/$defs/{group}" for group in SCHEMA["$defs"]]
    assert sum(len(group["properties"]) for group in SCHEMA["$defs"].values()) == len(PROPERTIES)
    assert PROPERTIES["classes"]["default"] == ",".join(ADNI)


@pytest.mark.parametrize("name", [name for name in PROPERTIES if "path" in PROPERTIES[name].get("format", "")])
def test_the_schema_refuses_in_paths_what_the_sheet_refuses(name: str) -> None:
    validator = Draft202012Validator(PROPERTIES[name])
    suffix = {"input": ".csv", "embedding": ".pt"}.get(name, "")
    for code in range(0x2100):
        path = f"a{chr(code)}b{suffix}"
        assert validator.is_valid(path) != bool(UNSAFE_CHARACTERS.search(path)), path


def test_a_salt_alone_would_leave_ids_as_they_are() -> None:
    [line] = problems(pseudonym_salt="a long secret")
    assert line.startswith("parameter pseudonym_salt: is given without --pseudonymise, so that ids stay as they are")
    assert problems(pseudonym_salt="a long secret", pseudonymise=True) == []
