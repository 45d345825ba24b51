"""The scores of voxels."""

import click

# As healthward.maps.scores has them, whose import would make --help slow
SCORES = (
    *("round_trip", "anomaly", "signed", "contrast", "class_contrast", "disease", "residual", "ssim_ensemble"),
    *("perceptual_residual", "mahalanobis", "forward", "deformation"),
)

score_option = click.option(
    "--score",
    type=click.Choice(SCORES),
    default="disease",
    help="The score that is compared with what controls show.",
)
