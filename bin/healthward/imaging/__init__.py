"""Volumes and where they lie: NIfTI files, foreground, cubes, slices, template, regions."""
