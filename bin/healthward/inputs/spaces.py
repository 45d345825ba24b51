"""The spaces that cubes lie in: the template's, or the axes of the scanner, centred on the brain."""

MNI, SCANNER = "MNI152", "scanner"
SPACES = (MNI, SCANNER)
