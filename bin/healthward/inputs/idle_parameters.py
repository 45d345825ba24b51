"""Parameters that a user gave and that change nothing in a run."""

from healthward.inputs.parameters import Parameters, properties


def without_effect(values: Parameters, schema: Parameters, model: bool, has_split: bool) -> list[str]:
    """Return a line for the parameters that a run was given, other than by default, and that change nothing in it.

    `has_split` says whether the sheet divides the scans.
    """
    known = properties(schema)
    fractions = ("validation_fraction", "test_fraction")
    idle = []
    if model or has_split:
        reason = "--model divides no subjects" if model else "the sheet's column split divides the scans"
        idle.append((fractions, reason))
    if values["tune"]:
        idle.append((("guidance_scale", "noise_depth"), "--tune takes those of guidance_scales and noise_depths"))
    else:
        idle.append((("guidance_scales", "noise_depths"), "they are for --tune"))
    lines = []
    for names, reason in idle:
        given = [f"{name} {values[name]}" for name in names if values[name] != known[name].get("default")]
        if given:
            lines.append(f"parameter {' and '.join(given)}: without effect, since {reason}")
    return lines
