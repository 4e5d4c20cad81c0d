"""Maps of the image regions that a prediction of a finished run rests on, and how far such maps can be trusted."""
