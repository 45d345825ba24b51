"""The network and its use, on tensors: sampler, translation, devices, model files."""
