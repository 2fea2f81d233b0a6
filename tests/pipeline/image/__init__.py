"""From a photo to a portrait."""
