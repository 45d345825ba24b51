"""How a network learns: recipe, batches, trainer, checkpoints, log, validation, processes of a node."""
