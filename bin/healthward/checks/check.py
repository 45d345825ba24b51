"""The check of a whole run: scans, parameters and model, every problem found at once."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from healthward.checks.checked import Checked, Skipped
from healthward.checks.class_words import compared, doubted_health, doubted_order
from healthward.checks.doubts import doubts
from healthward.checks.identity import (
    audit_ids,
    audit_people,
    audit_voxels,
)
from healthward.checks.inspection import Inspection, brain_of, inspect_all
from healthward.checks.reading import UnreadError, read_scans
from healthward.checks.withholding import Learned, withhold_trained
from healthward.diffusion.model_files import (
    inspect_model,
    training_ids,
    training_scans,
    training_subjects,
    try_to_load,
)
from healthward.diffusion.trained import class_complaints, known_classes, most_severe, trained_classes
from healthward.errors import InputError
from healthward.evaluation.weights import BACKBONES, describe_absence, find_weights
from healthward.imaging.plausibility import USUAL_FOV
from healthward.inputs.class_parameters import classes_of, other_classes
from healthward.inputs.fields import Row
from healthward.inputs.idle_parameters import without_effect
from healthward.inputs.other_columns import other_columns
from healthward.inputs.parameters import completed, conforming, model_space, preparing, validate, with_current_scores
from healthward.inputs.pseudonyms import pseudonymised
from healthward.inputs.sheet import Lack, Sheet
from healthward.inputs.spaces import MNI, SCANNER
from healthward.inputs.split import (
    audit_subjects,
    audit_validation,
    labels_of_subjects,
    mark_controls,
    split_for_model,
    split_for_training,
)
from healthward.labels import Classes
from healthward.names import cubes_for
from healthward.wording import condensed, counted, kind_of, listed, printable, shown

MOST_WITH_ATLAS = 3
"""Scans that an atlas is laid on: one atlas is for scans of one space."""


TEMPLATE = "the MNI152 template"


def check(
    *,
    sheet_path: Path | None,
    scan: str | None,
    base: Path | None,
    parameters_path: Path | None,
    schema_path: Path,
    model: Path | None,
    embedding: Path | None,
    weights: Path | None,
    atlas: Path | None,
    atlas_names: Path | None,
    overrides: dict[str, Any],
    workers: int,
) -> Checked:
    """Check everything that is given, and stop at nothing.

    `atlas` is a volume of labels, `atlas_names` its table of names. `base` is the folder that relative paths start from
    (the sheet's, or for a scan the current one, when None). `overrides` are parameters (of the split) that come before
    those of the file and the schema's defaults.
    """
    schema = json.loads(schema_path.read_text(encoding="utf-8"))
    config, incomplete = inspect_model(model, embedding) if model else (None, [])
    seen, unreadable = training_scans(model, training_ids(config)) if model else (None, [])
    incomplete += unreadable
    given, found = _read_parameters(parameters_path)
    given, warnings = with_current_scores(given)
    problems = incomplete + found
    if parameters_path and not found:
        options: list[tuple[str, object]] = [("model", model), ("embedding", embedding)]
        options += [("atlas", atlas), ("atlas_names", atlas_names)]
        if not given.get("simulate"):  # which comes as --input, too
            options += [("input", sheet_path), ("scan", scan)]
        beside = {name: str(value) for name, value in options if value}
        problems = validate(given, schema, config, beside) + problems
    parameters = completed(given, schema) | overrides
    own_classes = classes_of({"classes": parameters["classes"]} | given | overrides)
    classes = Classes(config["classes"]) if config else own_classes
    if "classes" in overrides and own_classes != classes:
        problems.append(f"parameter classes: {other_classes(own_classes or (), classes or ())}")
    trained: Sequence[str] | None = None
    if model and not incomplete and not (embedding is None and model.is_file()):
        conditions, unloadable = try_to_load(model, embedding, parameters["head_channels"])
        problems += unloadable
        if classes and not unloadable:
            try:
                trained = trained_classes(config, known_classes(config, conditions, classes))
            except InputError as error:
                problems.append(str(error))

    rows: list[Row] = []
    digests: list[str] = []
    skipped: list[Skipped] = []
    has_split = False
    atlas_images: list[str] = []
    if classes:
        parameters["healthy"] = parameters["healthy"] or classes.healthy
    if classes and (sheet_path or scan):
        try:
            sheet = read_scans(sheet_path, scan, base, parameters, classes)
        except UnreadError as error:
            return Checked([*problems, *({str(error)} - {*problems})])
        labels = labels_of_subjects(sheet)
        has_split = any(row.split for row in sheet.rows)
        inspections = _inspect(sheet, workers, _field_of_view(parameters, config))
        warnings += sheet.warnings
        if parameters["skip_bad_scans"]:
            inspections, skipped, left_out = _skip(sheet, inspections)
            warnings += left_out
        digests = _complete(sheet, inspections)
        warnings += _odd(sheet, inspections)
        sound = [row.image for row, found in zip(sheet.rows, inspections, strict=True) if found.digest]
        atlas_images = sound[:MOST_WITH_ATLAS]
        if model or scan:
            if model and not incomplete:
                # People of simulations are numbered alike, and others with each seed
                told = None if parameters.get("simulate") else config
                salt = parameters["pseudonym_salt"] if parameters["pseudonymise"] else None
                learned = Learned(seen, training_ids(told), training_subjects(told), salt)
                signatures = [inspection.signature for inspection in inspections]
                warnings += withhold_trained(sheet, signatures, str(model), learned, parameters["tune"])
            split_for_model(sheet)
        warnings += audit_ids(sheet) + audit_people(sheet) + doubts(sheet)
        if not (model or scan):
            split_for_training(
                sheet,
                validation_fraction=parameters["validation_fraction"],
                test_fraction=parameters["test_fraction"],
                seed=parameters["seed"],
                healthy=parameters["healthy"],
            )
        audit_subjects(sheet)
        if parameters["tune"] and not parameters["train_only"]:
            audit_validation(sheet, parameters["healthy"])
        if not (model or sheet.problems or parameters["train_only"]):
            labels_learned = {row.label for row in sheet.rows if row.split == "train"}
            trained = classes.among(labels_learned)
        problems += sheet.problem_lines()
        healthy = parameters["healthy"]
        rows, unmarked = mark_controls(sheet.rows, healthy, labels)
        warnings += unmarked
    if classes and trained is not None:
        complaints = class_complaints(parameters["healthy"], parameters["disease"], trained)
        problems += [f"parameter {name}: {text}" for name, text in complaints if parameters[name] in classes]
    comparison = ""
    if classes:
        healthy = parameters["healthy"]
        disease = parameters["disease"] or most_severe(trained or classes, healthy) or ""
        comparison = compared(classes, healthy, disease)
        about_classes = (doubted_health(classes, healthy), doubted_order(classes))
        warnings += [f"parameter classes: {doubt}" for doubt in about_classes if doubt]
    if model_space(parameters | {"model": model}, config) == SCANNER and preparing(parameters)["register"] == "auto":
        warnings.append(
            f"model: trained on heads as they lay in the scanner: none is brought into {MNI}; train anew for that"
        )
    warnings += without_effect(parameters, schema, bool(model), has_split)
    absent, unscored = _missing_weights(parameters, weights)
    registered = conforming(parameters | {"model": model}, config)["space"] == MNI
    misplaced, doubted = _judge_atlas(atlas, atlas_names, [] if registered else atlas_images, registered)
    problems += absent + misplaced
    warnings += doubted
    if problems:
        return Checked(problems)
    key: list[tuple[Row, Row]] = []
    if parameters["pseudonymise"]:
        originals = [*rows, *(each.row for each in skipped)]
        try:
            renamed = pseudonymised(originals, parameters["pseudonym_salt"])
        except ValueError as error:
            return Checked([f"parameter pseudonym_salt: {error}"])
        key = list(zip(originals, renamed, strict=True))
        if others := [printable(str(name)) for name in other_columns(rows) if name != "scan"]:
            warnings.append(f"left out where ids are pseudonyms: {listed(others)}, which could name people")
        rows = renamed[: len(rows)]
        skipped = [Skipped(row, each.reason) for row, each in zip(renamed[len(rows) :], skipped, strict=True)]
    order = sorted(range(len(rows)), key=lambda index: rows[index].scan)
    return Checked(
        problems=[],
        warnings=warnings + unscored,
        rows=[rows[index] for index in order],
        digests=[digests[index] for index in order],
        skipped=sorted(skipped, key=lambda each: each.row.scan),
        conform=conforming(parameters | {"model": model}, config),
        cubes=cubes_for(parameters["scores"].split(",")),
        key=key,
        comparison=comparison,
    )


def _inspect(sheet: Sheet, workers: int, fov: float | None) -> list[Inspection]:
    """Open the volumes of every row, and count what a row lacks among their problems."""
    lacks: dict[Row, list[Lack]] = {}
    for lack in sheet.lacking:
        lacks.setdefault(lack.row, []).append(lack)
    inspections = inspect_all([(row.image, row.mask, row.brain) for row in sheet.rows], workers, fov)
    return [
        replace(found, problems=(*((lack.column, lack.text) for lack in lacks.get(row, [])), *found.problems))
        for row, found in zip(sheet.rows, inspections, strict=True)
    ]


def _judge_atlas(
    path: Path | None, names: Path | None, images: Sequence[str], registered: bool
) -> tuple[list[str], list[str]]:
    """Return the lines of what is wrong with an atlas, and of what is in doubt.

    It lies on the `images` or not; where scans are `registered`, on the template.
    """
    if path is None or names is None:
        return [], []
    from healthward.imaging.regions import (
        TEMPLATE_STEP,
        check_place,
        doubted_names,
        load_atlas,
    )  # slow, and seldom needed
    from healthward.imaging.template import load_brain

    try:
        atlas = load_atlas(path, names)
        brains = {image: brain_of(image) for image in images} | (
            {TEMPLATE: load_brain(TEMPLATE_STEP)} if registered else {}
        )
        found = [
            check_place(atlas, *brain, f"atlas: {shown(str(path))} on the brain of {shown(name)}")
            for name, brain in brains.items()
        ]
    except InputError as error:
        return [line if (line := str(error)).startswith("atlas: ") else f"atlas: {line}"], []
    about_names = [f"atlas: {shown(str(names))}: {doubt}"] if (doubt := doubted_names(atlas)) else []
    return [], about_names + condensed(("atlas", line, name) for name, line in zip(brains, found, strict=True) if line)


def _missing_weights(parameters: dict[str, Any], folder: Path | None) -> tuple[list[str], list[str]]:
    """Return a problem for each metric that is asked for and lacks weights; a warning where none are asked for."""
    missing = [metric for metric in BACKBONES if metric not in find_weights(folder)]
    scored = "perceptual_anomaly" in parameters["scores"].split(",")
    if folder is not None and not folder.is_dir():
        return [f"parameter weights: '{folder}' is no folder; give the one that holds the weights files"], []
    if parameters["train_only"] or not missing:
        return [], []
    if scored and "lpips" in missing:
        return [f"parameter scores: perceptual_anomaly: {describe_absence(['lpips'], folder)}"], []
    if parameters["metrics"] is None:
        return [], [f"{line}; left out" for line in describe_absence(missing, folder).splitlines()]
    asked = [metric for metric in missing if metric in str(parameters["metrics"]).split(",")]
    return [f"parameter metrics: {line}" for line in describe_absence(asked, folder).splitlines()], []


def _read_parameters(path: Path | None) -> tuple[dict[str, Any], list[str]]:
    if path is None:
        return {}, []
    try:
        parameters = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        return {}, [f"{path.name}: line {error.lineno}, column {error.colno}: is not valid JSON ({error.msg}); mend it"]
    except (OSError, ValueError, RecursionError) as error:
        return {}, [f"{path.name}: cannot be read ({error}); write a JSON object of parameters as UTF-8 text"]
    if not isinstance(parameters, dict):
        return {}, [f'{path.name}: holds no object; write {{"parameter": value, …}}']
    return parameters, []


def _skip(sheet: Sheet, inspections: list[Inspection]) -> tuple[list[Inspection], list[Skipped], list[str]]:
    """Take out of the sheet the scans whose image or mask is bad, and rows without image or label, unless all are so.

    Returns the inspections of those that stay, the scans left out, and a warning for each of their problems.
    """
    found = list(zip(sheet.rows, inspections, strict=True))
    sound = [(row, inspection) for row, inspection in found if not inspection.problems]
    bad = [(row, inspection) for row, inspection in found if inspection.problems]
    if not sound or not bad:
        return inspections, [], []
    sheet.rows = [row for row, _ in sound]
    reasons = {(lack.row, lack.text): lack.reason for lack in sheet.lacking}
    skipped = [
        Skipped(row, "; ".join(reasons.get((row, text)) or _placeless(row, text) for _, text in each.problems))
        for row, each in bad
    ]
    lines = condensed(
        (
            (column, kind_of(text)),
            f"left out: {sheet.name} {sheet.place(row.number)}, scan {row.scan}, {column}: {text}",
            row.scan,
        )
        for row, inspection in bad
        for column, text in inspection.problems
    )
    heading = f"left out by --skip_bad_scans: {counted(len(bad), 'scan')} of {len(found)}, listed in tables/skipped.csv"
    return [inspection for _, inspection in sound], skipped, [heading, *lines]


def _field_of_view(parameters: dict[str, Any], config: dict[str, Any] | None) -> float | None:
    """Return the edge of the cube in millimetres; the usual one where a bad one is a problem of its own.

    None where the skull may be on, since the brain is found later.
    """
    if preparing(parameters)["strip"] != "never":
        return None
    fov = (config or parameters).get("fov")
    return float(fov) if isinstance(fov, int | float) and fov > 0 else USUAL_FOV


def _odd(sheet: Sheet, inspections: list[Inspection]) -> list[str]:
    """Return a line for each oddity of a volume; of one kind in many scans, the first and which others."""
    return condensed(
        (kind, f"{sheet.name} {sheet.place(row.number)}, scan {row.scan}, image: {text}", row.scan)
        for row, inspection in zip(sheet.rows, inspections, strict=True)
        for kind, text in inspection.oddities
    )


def _placeless(row: Row, text: str) -> str:
    """Return the text of a problem without the paths of the row's files, which may hold a name."""
    for column in ("image", "mask", "brain"):
        path = getattr(row, column)
        text = text.replace(shown(path), f"the {column}") if path else text
    return text


def _complete(sheet: Sheet, inspections: list[Inspection]) -> list[str]:
    """Report what is wrong with the volumes of every row, and return the digests of the images."""
    for row, inspection in zip(sheet.rows, inspections, strict=True):
        for column, text in inspection.problems:
            sheet.report(row.number, column, text)
    digests = [inspection.digest for inspection in inspections]
    audit_voxels(sheet, digests, [inspection.signature for inspection in inspections])
    return digests
