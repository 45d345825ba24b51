"""From reconstructions to maps: scores, fusion, native space, volumes to view, the choice of settings."""
