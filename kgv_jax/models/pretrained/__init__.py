"""Published weights: read, matched to a model's parameters, converted."""
