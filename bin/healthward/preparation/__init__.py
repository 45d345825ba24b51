"""From a whole head to a brain in a common space: mask, bias field, one affine to the template, and a verdict."""
