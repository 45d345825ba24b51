"""Where and how precisely a network computes."""

import click

device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cuda", "mps", "cpu"]),
    default="auto",
    help="Where the network runs; auto takes the first that is there.",
)
precision_option = click.option(
    "--precision",
    type=click.Choice(["auto", "float32", "bfloat16"]),
    default="auto",
    help="What the network computes in; auto takes bfloat16 on CUDA, float32 elsewhere.",
)
