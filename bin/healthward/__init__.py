"""Pseudo-healthy reconstruction of brain MRI by guided diffusion."""

__version__ = "0.1.0"
