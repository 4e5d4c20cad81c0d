"""Knowledge graphs: files in, hierarchies, masks, ablations, and a doctor for them."""
