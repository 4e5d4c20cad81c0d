"""Graph embeddings on their own: nodes and relations trained on triples, measured by link prediction."""
