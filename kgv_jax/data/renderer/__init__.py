"""Renders road signs from what a graph states; no photograph and no font is needed.

From a graph's words to pixels: `stated` reads the facts of a class, `sign` puts a plate (`shapes`), hues (`colours`)
and a pictogram (`legends`) together, and `elements` shows one of them alone. `pen` writes strokes in a drawing style
and turns them into pixels. The pictograms are in `arrows`, `vehicles`, `beings`, `things` and `words`.
"""
